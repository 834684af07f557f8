"""What the samplers share that diffusers lacks: they are diffusers schedulers, Euler's in all but the step.

They count in noise levels: the sample is the picture plus `level` times noise, and each evaluation of the
model says what the picture might be (`clean`). With h the fall of the level's logarithm over a step, a clean
picture that stays the same takes the sample to exp(-h) of itself and the rest of it: what the solvers differ
in is how they guess its change.
"""

import math
from abc import abstractmethod
from typing import Any

import torch
from diffusers import EulerDiscreteScheduler
from diffusers.utils.torch_utils import randn_tensor


class Solver(EulerDiscreteScheduler):
    """One evaluation a step; `past` holds earlier ones, newest first, as (level, value)."""

    sigmas: torch.Tensor
    timesteps: torch.Tensor
    past: list[tuple[float, torch.Tensor]]

    def set_timesteps(self, num_inference_steps: int, device: Any = None, **given: Any) -> None:
        """As in diffusers; whatever was remembered of another walk is forgotten."""
        super().set_timesteps(num_inference_steps, device, **given)
        self.past = []

    def step(
        self,
        model_output: torch.Tensor,
        timestep: Any,
        sample: torch.Tensor,
        generator: torch.Generator | None = None,
        return_dict: bool = False,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """As in diffusers: the sample (n, c, h, w) a step later, and the clean one foreseen."""
        if self.step_index is None:
            self._init_step_index(timestep)
        level, following = (float(level) for level in self.sigmas[self.step_index : self.step_index + 2])
        given = sample.float()
        clean = self._clean(model_output.float(), given, level)
        self._generator = generator
        walked = clean if following == 0 else self.walk(given, clean, level, following)
        self._step_index += 1
        return walked.to(model_output.dtype), clean.to(model_output.dtype)

    @abstractmethod
    def walk(self, sample: torch.Tensor, clean: torch.Tensor, level: float, following: float) -> torch.Tensor:
        """From `level` to the `following` one, above 0."""

    def remember(self, level: float, value: torch.Tensor, most: int) -> None:
        """Keep the newest `most` values."""
        self.past = [(level, value), *self.past][:most]

    def noise(self, like: torch.Tensor) -> torch.Tensor:
        """Fresh noise, from the request's own generator."""
        return randn_tensor(like.shape, generator=self._generator, device=like.device, dtype=like.dtype)

    def _clean(self, said: torch.Tensor, sample: torch.Tensor, level: float) -> torch.Tensor:
        kind = self.config.prediction_type
        if kind == "epsilon":
            return sample - level * said
        if kind == "v_prediction":
            return (sample - level * math.sqrt(level**2 + 1) * said) / (level**2 + 1)
        return said


def phi(order: int, h: float) -> float:
    """The first or second phi function of exponential integrators at -h."""
    first = -math.expm1(-h) / h
    return first if order == 1 else (1 - first) / h


def split(level: float, following: float) -> tuple[float, float]:
    """How far down to walk before fresh noise is added, and how much of it, to arrive at `following`."""
    return following**2 / level, following * math.sqrt(1 - (following / level) ** 2)


def share(far: float) -> float:
    """How much of the noise at the end of a way is fresh."""
    return math.sqrt(-math.expm1(-2 * far))
