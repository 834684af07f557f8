"""Small cards: which components of a model lie on the device while what is done.

With "parts" only the denoiser lives there; text encoders and autoencoder visit for as long as they are used.
With "sequential" nothing does: accelerate brings each layer's numbers when it runs.
"""

import functools
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch

CPU = torch.device("cpu")


class Move(NamedTuple):
    """A component goes to the device (`inward`) or back."""

    part: str
    inward: bool


@dataclass(slots=True)
class Plan:
    """Which of the `guests` are on the device. Pure: says what to move, moves nothing."""

    guests: frozenset[str]
    _inside: list[str] = field(default_factory=list)
    _held: dict[str, int] = field(default_factory=dict)

    @property
    def inside(self) -> tuple[str, ...]:
        """The guests on the device, the first to come first."""
        return tuple(self._inside)

    def enter(self, part: str) -> list[Move]:
        """`part` runs now. The denoiser wants the room of every guest that is not in use."""
        if part not in self.guests:
            return [move for guest in self.inside for move in self._out(guest)]
        if part in self._inside:
            return []
        self._inside.append(part)
        return [Move(part, True)]

    def hold(self, parts: Collection[str]) -> None:
        """These are in use until `release`: nothing may move them away."""
        for part in parts:
            self._held[part] = self._held.get(part, 0) + 1

    def release(self, parts: Collection[str]) -> list[Move]:
        """These have been used, and leave."""
        for part in parts:
            self._held[part] -= 1
        return [move for part in parts if part in self._inside for move in self._out(part)]

    def _out(self, guest: str) -> list[Move]:
        if self._held.get(guest, 0) > 0:
            return []
        self._inside.remove(guest)
        return [Move(guest, False)]


Home = Callable[[str], torch.device]
"""Where a component of this name is loaded to."""

Mover = Callable[[Any, torch.device], object]
"""Brings a component to a device."""


def _move(part: Any, device: torch.device) -> None:
    part.to(device)


class Guests:
    """Moves a model's components as the plan says. `parts` are its components with weights by name."""

    def __init__(self, parts: Mapping[str, Any], device: torch.device, mover: Mover = _move) -> None:
        self._parts = parts
        self._device = device
        self._mover = mover
        self._texts = frozenset(name for name in parts if name.startswith("text_encoder"))
        self.plan = Plan(self._texts | {name for name in parts if name.startswith("vae")})

    def install(self) -> None:
        """Let every component say when it runs."""
        for name, part in self._parts.items():
            if name.startswith("vae"):
                for method in ("encode", "decode"):
                    setattr(part, method, self._visiting(name, getattr(part, method)))
                continue
            for module in {part, *_first_touched(part)}:
                module.register_forward_pre_hook(functools.partial(self._come, name))

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Prompts are read inside: the text encoders come when they run, and leave at the end."""
        self.plan.hold(self._texts)
        try:
            yield
        finally:
            self._carry_out(self.plan.release(self._texts))

    def _come(self, name: str, _module: Any, _given: Any) -> None:
        self._carry_out(self.plan.enter(name))

    def _visiting(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def visit(*given: Any, **named: Any) -> Any:
            self.plan.hold([name])
            try:
                self._carry_out(self.plan.enter(name))
                return method(*given, **named)
            finally:
                self._carry_out(self.plan.release([name]))

        return visit

    def _carry_out(self, moves: list[Move]) -> None:
        for part, inward in moves:
            self._mover(self._parts[part], self._device if inward else CPU)


def _first_touched(part: Any) -> list[Any]:
    """What prompt readers use of a text encoder beside calling it: its table of words, its last norm."""
    tower = getattr(part, "text_model", part)
    found = [getattr(tower, "final_layer_norm", None)]
    if hasattr(part, "get_input_embeddings"):
        found.append(part.get_input_embeddings())
    return [module for module in found if isinstance(module, torch.nn.Module)]


def stays_home(mode: str, name: str, device: torch.device) -> bool:
    """Whether a component is loaded to the processor's memory and not to the device."""
    if device.type == "cpu" or mode == "none":
        return False
    return mode == "sequential" or name.startswith(("text_encoder", "vae"))


def stream(parts: Mapping[str, Any], device: torch.device) -> None:
    """Bring every layer's numbers to the device only while it runs (accelerate)."""
    from accelerate import cpu_offload

    for part in parts.values():
        cpu_offload(part, device, offload_buffers=len(part._parameters) > 0)
