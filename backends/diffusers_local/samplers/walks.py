"""What the step loop asks of a model's schedules, whatever kind of model it is."""

from typing import Any, Protocol

import torch
from msgspec import Struct


class Walk(Struct, frozen=True):
    """A walk through noise levels as asked for: names as in `sampling` or `flow`, `steps` all of it.

    `strength` is the last part of it to walk (0..1; None: all, from pure noise). `cells` are the latent
    cells drawn (height times width), on which some models' levels depend.
    """

    sampler: str
    scheduler: str
    steps: int
    strength: float | None = None
    cells: int = 0


class Walks(Protocol):
    """The schedules of one model."""

    def refusal(self, walk: Walk) -> str:
        """Why this cannot be walked, in a sentence; "" when it can."""

    def begin(self, walk: Walk, device: torch.device) -> tuple[Any, torch.Tensor]:
        """A diffusers scheduler of the caller's own, and the times to walk, as the stock pipelines set them.

        No times when the part rounds to nothing. Raises ValueError for steps the scheduler cannot walk.
        """

    def first(self, scheduler: Any, noise: torch.Tensor) -> torch.Tensor:
        """The latents that a walk from pure noise begins with."""

    def noised(
        self, scheduler: Any, kept: torch.Tensor, noise: torch.Tensor, times: torch.Tensor
    ) -> torch.Tensor:
        """Clean latents made as noisy as the scheduler's next step, at `times` (1,), expects them."""

    def given(self, scheduler: Any, latents: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        """What of the latents goes into the denoiser."""
