"""What the ControlNets of several rows add to one forward of the UNet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from backends.diffusers_local.row import Row

Residuals = tuple[list[torch.Tensor], torch.Tensor]
"""What is added to the UNet's blocks on the way down, and to its middle."""


def residuals(
    rows: "Sequence[Row]",
    sample: torch.Tensor,
    times: torch.Tensor,
    states: torch.Tensor,
    pictures_: Mapping[str, torch.Tensor],
    added: Mapping[str, torch.Tensor] | None,
) -> Residuals | None:
    """What the rows' ControlNets add to this forward; None when none of them acts in this step."""
    together: Residuals | None = None
    for number, first in enumerate(rows[0].controls):
        strength = _strengths(rows, number, sample)
        if strength is None:
            continue
        lines = Lines(sample, times, states, pictures_[f"control{number}"], added or {})
        if first.part.kinds:
            down, middle = _each_alone(rows, number, lines)
        else:
            down, middle = first.part.network(
                **lines.given(), controlnet_cond=lines.picture, conditioning_scale=strength
            )
        if together is None:
            together = list(down), middle
        else:
            before, center = together
            together = [a + b for a, b in zip(before, down, strict=True)], center + middle
    return together


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """What a ControlNet is asked with, all with as many lines."""

    sample: torch.Tensor
    times: torch.Tensor
    states: torch.Tensor
    picture: torch.Tensor
    added: Mapping[str, torch.Tensor]

    def given(self) -> dict[str, Any]:
        """All but the picture, by the networks' names."""
        return {
            "sample": self.sample,
            "timestep": self.times,
            "encoder_hidden_states": self.states,
            "added_cond_kwargs": dict(self.added) or None,
            "return_dict": False,
        }

    def part(self, begin: int, end: int) -> "Lines":
        """The lines from `begin` to before `end`."""
        added = {name: tensor[begin:end] for name, tensor in self.added.items()}
        sample, times, states, picture = (
            tensor[begin:end] for tensor in (self.sample, self.times, self.states, self.picture)
        )
        return Lines(sample, times, states, picture, added)


def _each_alone(rows: "Sequence[Row]", number: int, lines: Lines) -> Residuals:
    """The answer of a ControlNet for many kinds, row by row: its first layers let every line of a forward
    look at every other, and so a row would see its neighbours.
    """
    answers, begin = [], 0
    for row in rows:
        own, end = row.controls[number], begin + len(row.states)
        told = torch.zeros(own.part.kinds)
        told[own.kind] = 1
        mine = lines.part(begin, end)
        answers.append(
            own.part.network(
                **mine.given(),
                controlnet_cond=[mine.picture],
                control_type=told.reshape(1, -1)
                .to(mine.states.device, mine.states.dtype)
                .repeat(end - begin, 1),
                control_type_idx=[own.kind],
                conditioning_scale=[own.scale(row.index, len(row.times))],
            )
        )
        begin = end
    if len(answers) == 1:
        down, middle = answers[0]
        return list(down), middle
    downs = [torch.cat(levels) for levels in zip(*(down for down, _ in answers), strict=True)]
    return downs, torch.cat([middle for _, middle in answers])


def _strengths(rows: "Sequence[Row]", number: int, sample: torch.Tensor) -> float | torch.Tensor | None:
    """The strength for all lines or, where they differ, (lines, 1, 1, 1); None when it is nothing for all."""
    lines: list[float] = []
    for row in rows:
        own = row.controls[number]
        scale = own.scale(row.index, len(row.times))
        lines += [scale] * len(row.states)
        if own.part.network.config.global_pool_conditions and len(row.states) == 2:
            lines[-2] = 0.0  # such a ControlNet is for the prompt only, as in the stock pipelines
    if not any(lines):
        return None
    if len(set(lines)) == 1:
        return lines[0]
    return torch.tensor(lines, device=sample.device, dtype=sample.dtype).reshape(-1, 1, 1, 1)
