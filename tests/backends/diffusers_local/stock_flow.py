"""The stock pipelines of flow models, run on a loaded model's own parts with the engine's levels."""

from typing import Any

import torch

from backends.contract import Work
from backends.diffusers_local.denoisers.flux import pack, unpack
from backends.diffusers_local.loading.model import Model
from backends.diffusers_local.samplers.schedules import step_arguments
from backends.diffusers_local.samplers.walks import Walk


class Settled:
    """A scheduler of the engine in a stock pipeline: whatever that sets, the levels stay.

    The stock pipelines of flow models give their samplers no generator, and call `scale_noise`, which half
    of the classes lack; Flux's keep latents packed, so that random numbers would fall in another order.
    """

    def __init__(self, model: Model, work: Work, generator: torch.Generator, sides: tuple[int, int]) -> None:
        strength = work.strength if work.init_image is not None else None
        walk = Walk(work.sampler, work.scheduler, work.steps, strength, sides[0] * sides[1])
        self._model = model
        self._inner, _ = model.schedules.begin(walk, torch.device("cpu"))
        self._arguments = step_arguments(self._inner, generator)
        self._sides = sides
        self.config = {"use_dynamic_shifting": False, "use_flow_sigmas": False}
        self.order = self._inner.order
        self.timesteps = self._inner.timesteps

    def set_timesteps(self, count: int = 0, device: Any = None, sigmas: Any = None, mu: Any = None) -> None:
        """They are set."""

    def set_begin_index(self, index: int) -> None:
        """It must be the one already set."""
        assert index == self._inner.begin_index

    def scale_noise(self, sample: torch.Tensor, timestep: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """As the engine adds noise."""
        return self._model.schedules.noised(self._inner, sample, noise, timestep)

    def step(
        self, said: torch.Tensor, time: torch.Tensor, sample: torch.Tensor, **_: Any
    ) -> tuple[torch.Tensor]:
        """The inner step, on latents that are a picture."""
        packed = sample.ndim == 3
        if packed:
            said, sample = unpack(said, *self._sides), unpack(sample, *self._sides)
        made = self._inner.step(said, time, sample, **self._arguments, return_dict=False)[0]
        return (pack(made) if packed else made,)


def stock_pipeline(kind: Any, model: Model, scheduler: Any) -> Any:
    """A stock pipeline of this class over the model's parts."""
    made = kind(**model.parts, scheduler=scheduler)
    made.set_progress_bar_config(disable=True)
    return made
