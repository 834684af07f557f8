"""Samplers with two evaluations a step, the second at a level in between or at its end."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from backends.diffusers_local.samplers.solver import Solver, phi, share, split


class TwoStage(Solver):
    """Two evaluations a step but for the last: one more at the level `between` says."""

    order = 2

    def set_timesteps(self, num_inference_steps: int, device: Any = None, **given: Any) -> None:
        """As in diffusers, with a level and a time between each two."""
        super().set_timesteps(num_inference_steps, device, **given)
        levels, times = self.sigmas.double().numpy(), self.timesteps.cpu().double().numpy()
        inner = np.array(
            [self.between(above, below) for above, below in pairwise(levels[:-1])], dtype=np.float64
        )
        table = np.log(((1 - self.alphas_cumprod) / self.alphas_cumprod).double().numpy()) / 2
        all_levels, all_times = np.zeros(2 * len(times)), np.zeros(2 * len(times) - 1)
        all_levels[0:-1:2], all_levels[1:-1:2] = levels[:-1], inner
        all_times[::2], all_times[1::2] = times, np.interp(np.log(inner), table, np.arange(len(table)))
        self.sigmas = torch.from_numpy(all_levels).float()
        self.timesteps = torch.from_numpy(all_times).float().to(device)
        self._held: tuple[float, torch.Tensor, torch.Tensor, torch.Tensor | None] | None = None

    def between(self, level: float, following: float) -> float:
        """The level of the second evaluation."""
        return math.sqrt(level * following)


class Dpmpp2SAncestral(TwoStage):
    """The clean picture at the middle of the step, then fresh noise.

    Source: "DPM-Solver++" (2022), single step of the second order, with ancestral noise as in k-diffusion.
    """

    def between(self, level: float, following: float) -> float:
        """See TwoStage.between."""
        return math.sqrt(level * split(level, following)[0])

    def walk(self, sample: torch.Tensor, clean: torch.Tensor, level: float, following: float) -> torch.Tensor:
        """See Solver.walk."""
        if self._held is None:
            self._held = (level, sample, clean, None)
            return clean + following / level * (sample - clean)
        (begun, first, _, _), self._held = self._held, None
        down, up = split(begun, following)
        return clean + down / begun * (first - clean) + up * self.noise(sample)


class Seeds2(TwoStage):
    """Two clean pictures, the second at the part `PART` of the step, with fresh noise `NOISE` times as large
    as the reverse equation has it (0: none). `EXACT` integrates the line through both.

    Source: "SEEDS: Exponential SDE Solvers for Fast High-Quality Sampling from Diffusion Models" (2023).
    """

    PART = 0.5
    NOISE = 1.0
    EXACT = False

    def between(self, level: float, following: float) -> float:
        """See TwoStage.between."""
        return float(level ** (1 - self.PART) * following**self.PART)

    def walk(self, sample: torch.Tensor, clean: torch.Tensor, level: float, following: float) -> torch.Tensor:
        """See Solver.walk."""
        if self._held is None:
            noise = self.noise(sample) if self.NOISE else None
            self._held = (level, sample, clean, noise)
            far = math.log(level / following)
            walked = clean + math.exp(-far * (1 + self.NOISE)) * (sample - clean)
            return walked if noise is None else walked + following * share(far * self.NOISE) * noise
        (begun, first, guess, noise), self._held = self._held, None
        far = math.log(begun / following) * (1 + self.NOISE)
        ahead = phi(2, far) / phi(1, far) / self.PART if self.EXACT else 1 / (2 * self.PART)
        both = guess + ahead * (clean - guess)
        walked = both + math.exp(-far) * (first - both)
        if noise is None:
            return walked
        rest = math.log(level / following) * self.NOISE
        gone = math.log(begun / level) * self.NOISE
        walked += following * math.exp(-rest) * share(gone) * noise
        return walked + following * share(rest) * self.noise(sample) if rest > 0 else walked


class ExpHeun2(Seeds2):
    """The second evaluation at the end of the step, without fresh noise."""

    PART = 1.0
    NOISE = 0.0
    EXACT = True


class ExpHeun2Sde(ExpHeun2):
    """The same with fresh noise."""

    NOISE = 1.0
