"""Solvers of flow models that diffusers has not.

Along a straight flow the sample's slope over the noise level is the model's very answer, so what other
models' solvers do with slopes and clean pictures holds here level for level, as long as no fresh noise is
added.
"""

import torch

from backends.diffusers_local.samplers.multistep import IPNDM, GradientEstimation, ResMultistep
from backends.diffusers_local.samplers.two_stage import ExpHeun2, TwoStage

__all__ = ["IPNDM", "Dpm2", "ExpHeun2", "GradientEstimation", "ResMultistep"]


class Dpm2(TwoStage):
    """The slope in the middle of the step's logarithm, for all of the step.

    Source: "DPM-Solver" (2022), as k-diffusion's second-order method has it.
    """

    def walk(self, sample: torch.Tensor, clean: torch.Tensor, level: float, following: float) -> torch.Tensor:
        """See Solver.walk."""
        slope = (sample - clean) / level
        if self._held is None:
            self._held = (level, sample, clean, None)
            return sample + slope * (following - level)
        (begun, first, _, _), self._held = self._held, None
        return first + slope * (following - begun)
