"""What is drawn in a round, and what a round tells."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from backends.contract import ModelRef, Work

PROMPTS = (
    "a red circle on a blue background",
    "three yellow stars",
    "a green square left of a pink heart",
    "a boat at sea at sunset",
)


@dataclass(frozen=True)
class Round:
    """`seconds` from the first request to the last picture; `first_previews` from the start of the round, one
    a user; `pictures` how many came out.
    """

    seconds: float
    first_previews: tuple[float, ...]
    pictures: int

    @property
    def first_preview(self) -> float:
        """Mean seconds until a user sees something."""
        return statistics.fmean(self.first_previews)


def works(
    model: ModelRef,
    pixels: int,
    users: int,
    steps: Sequence[int],
    guidance: Sequence[float],
    *,
    previews: bool = True,
    series: int = 0,
) -> list[Work]:
    """One picture a user, `steps` and `guidance` dealt out in turn; `series` makes ids and seeds of their
    own.
    """
    return [
        Work(
            f"bench-{series}:{user}",
            f"user {user}",
            f"session {user}",
            model,
            PROMPTS[user % len(PROMPTS)],
            width=pixels,
            height=pixels,
            steps=steps[user % len(steps)],
            cfg_scale=guidance[user % len(guidance)],
            sampler="ddim",
            scheduler="sgm_uniform",
            seed=1000 * series + user,
            previews=previews,
        )
        for user in range(users)
    ]
