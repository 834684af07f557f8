"""Seamless tiling: the convolutions of a network take what lies beyond an edge from the opposite one.

Source: swarm-api, `seamlesstileable`. The networks are shared by everybody, so the change lasts one forward.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from backends.contract import Work

_AXES = {
    "false": "",
    "": "",
    "true": "xy",
    "x-only": "x",
    "y-only": "y",
}


def tiling_of(work: Work, parts: Mapping[str, object]) -> str:
    """The axes along which the work's picture must go on at its own other side: "", "x", "y" or "xy".

    `parts` are its model's. Raises ValueError, also for models without convolutions that could wrap round.
    """
    said = str(work.extra.get("seamlesstileable", "false"))
    axes = _AXES.get(said.lower())
    if axes is None:
        raise ValueError(f"seamlesstileable is {said!r}; it can be false, true, X-Only or Y-Only.")
    if axes and "unet" not in parts:
        raise ValueError(
            f"The model {work.model.name!r} cannot draw seamless pictures (seamlesstileable): choose one of "
            "Stable Diffusion 1, 2 or XL, or leave it out."
        )
    return axes


@contextmanager
def tiled(networks: Sequence[nn.Module], axes: str) -> Iterator[None]:
    """Run the networks tiled along `axes` ("": as they are). Not to be used by two threads at once.

    A convolution's own way stays in its class; only an entry of the instance lies over it, which is taken
    away again whatever happens.
    """
    changed: list[nn.Conv2d] = []
    try:
        for network in networks if axes else ():
            for part in network.modules():
                if isinstance(part, nn.Conv2d) and _is_padded(part) and "_conv_forward" not in vars(part):
                    part.__dict__["_conv_forward"] = _circular(part, axes)
                    changed.append(part)
        yield
    finally:
        for part in changed:
            del part.__dict__["_conv_forward"]


def _circular(convolution: nn.Conv2d, axes: str) -> Callable[..., torch.Tensor]:
    """`Conv2d._conv_forward` that wraps round along `axes` and pads with nothing along the other."""
    down, across = (int(side) for side in convolution.padding)

    def forward(given: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        given = _pad(given, (across, across, 0, 0), "x" in axes)
        given = _pad(given, (0, 0, down, down), "y" in axes)
        return functional.conv2d(
            given, weight, bias, convolution.stride, 0, convolution.dilation, convolution.groups
        )

    return forward


def _pad(given: torch.Tensor, sides: tuple[int, int, int, int], circular: bool) -> torch.Tensor:
    padded: Any = functional.pad(given, sides, mode="circular" if circular else "constant")
    return padded


def _is_padded(convolution: nn.Conv2d) -> bool:
    return not isinstance(convolution.padding, str) and any(convolution.padding)
