"""One request at work: everything of it that lives between two steps."""

import math
import time
from collections.abc import Callable, Generator, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from PIL import Image as Picture

from backends.contract import Work
from backends.diffusers_local.features.control import Controlled
from backends.diffusers_local.features.masking import Masked
from backends.diffusers_local.features.patches import Patches
from backends.diffusers_local.loading.gather import Kit
from backends.diffusers_local.loading.model import Model
from backends.diffusers_local.pictures.sizes import SizePlan

Notes = dict[str, str | int | float | bool | list[str]]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the denoiser is told during some steps: a row's `states` and `conditions` then."""

    states: torch.Tensor
    conditions: Mapping[str, torch.Tensor]


@dataclass(slots=True, eq=False)
class Row:
    """A request between its first and last step.

    `latents` (1, channels, h, w); `states` (2, tokens, width) with guidance, (1, …) without; `conditions`
    what else the denoiser takes, as many of each; `cfg_scale` the guidance of this walk; `times` the time
    steps to walk, `index` the next of them; `start` the initial picture, placed as the model draws; `masked`
    what of it stays. `after` makes the work's next row from this finished one (None: the latents are the
    drawing), a piece a `next`, each of which gives how many steps it was; `before` steps were walked by its
    rows before this, `ahead` will be after it. With `to_the_end` the last step goes all the way to a picture
    without noise, though the walk is cut there. `tiling` names the axes along which the picture goes on at
    its other side; `readings` has one for each step where the prompt changes between them, all of the same
    shapes, none where it does not; `controls` are its ControlNets; `patches` are what the denoiser is asked
    for one by one (none: the whole). `extra_key` is what else must be equal for a shared forward. `passed` is
    its drawing as a picture, where the work wants to see it and goes on.
    """

    work: Work
    kit: Kit
    plan: SizePlan
    cfg_scale: float
    scheduler: Any
    times: torch.Tensor
    arguments: dict[str, Any]
    latents: torch.Tensor
    states: torch.Tensor
    conditions: Mapping[str, torch.Tensor]
    notes: Notes
    load_seconds: float
    start: Picture.Image | None = None
    masked: Masked | None = None
    after: "Callable[[Row], Generator[int, None, Row]] | None" = None
    to_the_end: bool = False
    before: int = 0
    ahead: int = 0
    tiling: str = ""
    readings: tuple[Reading, ...] = ()
    controls: tuple[Controlled, ...] = ()
    patches: Patches = ()
    extra_key: Hashable = None
    index: int = 0
    passed: Picture.Image | None = None
    begun: float = 0.0
    shown: float = 0.0
    key: Hashable = field(default=None)

    def __post_init__(self) -> None:
        given = (self.latents, self.states, *self.conditions.values())
        self.key = (
            self.model.key,
            self.kit.worn,
            *(tuple(tensor.shape[1:]) for tensor in given),
            self.tiling,
            tuple(control.part.key for control in self.controls),
            len(self.patches),
            self.extra_key,
        )

    @property
    def model(self) -> Model:
        """The model that takes this row's steps."""
        return self.kit.model

    @property
    def alone(self) -> bool:
        """It must not share a forward: only then the picture is the same to the last bit."""
        return self.work.deterministic

    @property
    def user(self) -> str:
        """Whose work it is."""
        return self.work.user

    @property
    def rest(self) -> int:
        """Forwards still to come."""
        return len(self.times) - self.index + self.ahead

    @property
    def steps(self) -> int:
        """Steps of the whole work, to show."""
        return self.before + self.own_steps + self.ahead

    @property
    def own_steps(self) -> int:
        """Steps of this walk: schedulers of the second order walk two times a step, but for the last."""
        return math.ceil(len(self.times) / self.scheduler.order)

    @property
    def step(self) -> int:
        """Steps of the whole work that are finished."""
        own = self.own_steps if self.finished else self.index // self.scheduler.order
        return self.before + own

    @property
    def finished(self) -> bool:
        """Every step is done."""
        return self.index >= len(self.times)

    def advanced(self) -> None:
        """One more forward is done: the next step may read another prompt."""
        self.index += 1
        step = self.index // self.scheduler.order
        if step < len(self.readings):
            now = self.readings[step]
            self.states, self.conditions = now.states, now.conditions

    def begin(self) -> None:
        """The first step begins now (or began, in a row before this)."""
        self.begun = self.begun or time.perf_counter()
