"""Samplers with one evaluation a step that remember earlier ones."""

import math
from typing import Any

import numpy as np
import torch

from backends.diffusers_local.samplers.solver import Solver, phi, share


class ResMultistep(Solver):
    """Two clean pictures, the line through them integrated exactly, with fresh noise `NOISE` times as large
    as the reverse equation has it (0: none).

    Source: "Improved Order Analysis and Design of Exponential Integrator for Diffusion Models Sampling"
    (2023), second order, as a multistep method.
    """

    NOISE = 0.0

    def walk(self, sample: torch.Tensor, clean: torch.Tensor, level: float, following: float) -> torch.Tensor:
        """See Solver.walk."""
        # noise that is replaced on the way is a way twice as long, before as now
        stretch = 1 + self.NOISE
        h = math.log(level / following) * stretch
        guess = clean
        if self.past:
            before, earlier = self.past[0]
            ahead = phi(2, h) / phi(1, h) * h / (math.log(before / level) * stretch)
            guess = clean + ahead * (clean - earlier)
        self.remember(level, clean, 1)
        walked = guess + math.exp(-h) * (sample - guess)
        return walked + following * share(h / stretch) * self.noise(sample) if self.NOISE else walked


class ResMultistepAncestral(ResMultistep):
    """The same with fresh noise at every step."""

    NOISE = 1.0


class IPNDM(Solver):
    """Up to four slopes with the weights of Adams and Bashforth, as if all steps were equal.

    Source: "Fast Sampling of Diffusion Models with Exponential Integrator" (2022), its improved PNDM.
    """

    _WEIGHTS = (
        (1.0,),
        (3 / 2, -1 / 2),
        (23 / 12, -16 / 12, 5 / 12),
        (55 / 24, -59 / 24, 37 / 24, -9 / 24),
    )

    def walk(self, sample: torch.Tensor, clean: torch.Tensor, level: float, following: float) -> torch.Tensor:
        """See Solver.walk."""
        self.remember(level, (sample - clean) / level, len(self._WEIGHTS))
        slope = torch.zeros_like(sample)
        for weight, (_, earlier) in zip(self._WEIGHTS[len(self.past) - 1], self.past, strict=True):
            slope += weight * earlier
        return sample + slope * (following - level)


class GradientEstimation(Solver):
    """Euler with each slope carried on beyond its change from the last.

    Source: "Interpreting and Improving Diffusion Models from an Optimization Perspective" (2024), with its
    best factor of 2.
    """

    def walk(self, sample: torch.Tensor, clean: torch.Tensor, level: float, following: float) -> torch.Tensor:
        """See Solver.walk."""
        slope = (sample - clean) / level
        guess = 2 * slope - self.past[0][1] if self.past else slope
        self.remember(level, slope, 1)
        return sample + guess * (following - level)


class ErSde(Solver):
    """Up to three clean pictures along a reverse equation with its own amount of fresh noise.

    Source: "Elucidating the Solution Space of Extended Reverse-Time SDE for Diffusion Models" (2023), its
    third order and its fifth noise function.
    """

    _change: torch.Tensor

    def walk(self, sample: torch.Tensor, clean: torch.Tensor, level: float, following: float) -> torch.Tensor:
        """See Solver.walk."""
        keep = _spread(following) / _spread(level)
        walked = keep * sample + (1 - keep) * clean
        fall = following - level
        points = np.linspace(following, level, 201)[:-1]
        width, spread = -fall / 200, _spread(points)
        if self.past:
            before, earlier = self.past[0]
            change = (clean - earlier) / (level - before)
            walked += (fall + float(np.sum(width / spread)) * _spread(following)) * change
            if len(self.past) > 1:
                bend = (change - self._change) / ((level - self.past[1][0]) / 2)
                weight = float(np.sum((points - level) * width / spread)) * _spread(following)
                walked += (fall**2 / 2 + weight) * bend
            self._change = change
        self.remember(level, clean, 2)
        return walked + math.sqrt(max(0.0, following**2 - (level * keep) ** 2)) * self.noise(sample)


def _spread(level: Any) -> Any:
    return level * (np.exp(level**0.3) + 10.0)
