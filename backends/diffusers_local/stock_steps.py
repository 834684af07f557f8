"""Stands where a pipeline's scheduler steps: counts, shows what forms, and lets a work be stopped there.

Every pipeline calls its scheduler's `step`, also the older ones that offer no callback for it, and in its
own thread between two forwards: the one place where a step is known to be over.
"""

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

import torch

from backends.diffusers_local.loading.stock_model import StockModel
from backends.diffusers_local.pictures.sizes import SizePlan

Foresee = Callable[[], torch.Tensor]
"""Gives the clean latents (channels, h, w) that the last step points to, in float32, on the device they were
computed on.
"""


class NoNumbers(Exception):
    """The last step gave no finite numbers; a picture of them would come out as a plausible flat one."""


class Steps:
    """Watches one scheduler until `forget`.

    `tell` is called after each of the `count` steps with its number, their count and a Foresee; what it
    raises ends the pipeline's call. Raises NoNumbers there after a last step without finite numbers.
    Samplers that renew noise get it from `generator`, which some pipelines do not hand on; without it the
    same request would give another picture.
    """

    def __init__(
        self,
        scheduler: Any,
        model: StockModel,
        plan: SizePlan,
        count: int,
        tell: Callable[[int, int, Foresee], None],
        generator: torch.Generator,
    ) -> None:
        known = inspect.signature(scheduler.step).parameters
        self._extra = {"generator": generator} if "generator" in known else {}
        self._scheduler = scheduler
        self._model = model
        self._plan = plan
        self._count = count
        self._tell = tell
        self._walked = 0
        self._given = self._said = self._time = torch.zeros(1)
        scheduler.step = self._stepping(scheduler.step)
        if model.stock.noise == "diffusion":
            scheduler.scale_model_input = self._scaling(scheduler.scale_model_input)

    def forget(self) -> None:
        """The drawing is over: let go of its tensors."""
        self._given = self._said = self._time = torch.zeros(1)
        vars(self._scheduler).pop("step", None)
        vars(self._scheduler).pop("scale_model_input", None)

    def _scaling(self, own: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
        """Keeps what the denoiser is given, which some samplers hold at another scale."""

        @functools.wraps(own)
        def scale(sample: torch.Tensor, *args: Any, **given: Any) -> torch.Tensor:
            scaled = own(sample, *args, **given)
            self._given = scaled[:1]
            return scaled

        return scale

    def _stepping(self, own: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(own)  # pipelines look at its arguments
        def step(
            said: torch.Tensor, time: torch.Tensor, sample: torch.Tensor, *args: Any, **given: Any
        ) -> Any:
            answer = own(said, time, sample, *args, **(self._extra | given))
            if self._model.stock.noise != "diffusion":
                self._given = sample
            self._said, self._time = said, time
            self._walk(answer[0])
            return answer

        return step

    def _walk(self, latents: torch.Tensor) -> None:
        before, order = self._walked // self._scheduler.order, self._scheduler.order
        self._walked += 1
        last = self._walked >= self._evaluations
        now = self._count if last else self._walked // order
        if last and not bool(torch.isfinite(latents).all()):
            raise NoNumbers
        if now > before:
            self._tell(now, self._count, self.foresee)

    @property
    def _evaluations(self) -> int:
        """Calls of the scheduler: samplers of the second order make two a step, but for the last."""
        return self._count if self._scheduler.order == 1 else len(self._scheduler.timesteps)

    def foresee(self) -> torch.Tensor:
        """The clean latents (channels, h, w) that the last step pointed to."""
        clean = self._clean(self._given.detach().float(), self._said.detach().float(), float(self._time))
        if self._model.stock.packed:
            clean = unpacked(clean, self._plan.drawn[1] // self._model.multiple)
        return clean[0]

    def _clean(self, given: torch.Tensor, said: torch.Tensor, time: float) -> torch.Tensor:
        """By how the model's samples are mixed of picture and noise."""
        noise = self._model.stock.noise
        if noise == "flow":
            return given - time / self._scheduler.config.num_train_timesteps * said
        if noise == "trig":
            mixed = math.cos(time) * given - math.sin(time) * said
            clean: torch.Tensor = mixed / self._scheduler.config.sigma_data
            return clean
        kept = self._model.signal_left(time)
        if self._model.config.get("prediction_type") == "v_prediction":
            return given * kept**0.5 - said * (1 - kept) ** 0.5
        return (given - said * (1 - kept) ** 0.5) / max(kept, 1e-4) ** 0.5


def unpacked(rows: torch.Tensor, high: int) -> torch.Tensor:
    """Rows of patches (batch, high * wide, 4 * channels) -> latents (batch, channels, 2 * high, 2 * wide)."""
    batch, count, width = rows.shape
    patches = rows.reshape(batch, high, count // high, width // 4, 2, 2)
    return patches.permute(0, 3, 1, 4, 2, 5).reshape(batch, width // 4, 2 * high, 2 * (count // high))


def packed(latents: torch.Tensor) -> torch.Tensor:
    """The other way."""
    batch, channels, high, wide = latents.shape
    patches = latents.reshape(batch, channels, high // 2, 2, wide // 2, 2).permute(0, 2, 4, 1, 3, 5)
    return patches.reshape(batch, (high // 2) * (wide // 2), channels * 4)
