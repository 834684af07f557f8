"""diffusers classes on noise levels they have no option for."""

from typing import Any

import numpy as np
import torch
from diffusers import EulerAncestralDiscreteScheduler


class LevelledEulerAncestral(EulerAncestralDiscreteScheduler):
    """diffusers' ancestral Euler on noise levels that come from outside, which its own class has no door for.

    `levels` gives them for so many steps, falling.
    """

    levels: Any

    def set_timesteps(self, num_inference_steps: int, device: Any = None) -> None:
        """As in diffusers, with the levels and their times put in the place of its own."""
        super().set_timesteps(num_inference_steps, device)
        levels = self.levels(num_inference_steps)
        table = np.log(((1 - self.alphas_cumprod) / self.alphas_cumprod).double().numpy()) / 2
        self.sigmas = torch.from_numpy(np.append(levels, 0.0)).float()
        times = np.interp(np.log(levels), table, np.arange(len(table)))
        self.timesteps = torch.from_numpy(times).float().to(device)
