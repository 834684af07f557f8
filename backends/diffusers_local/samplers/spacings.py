"""Ways to space the noise levels of a walk that diffusers has no option for (or only with a library we do
not need).
"""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

Sigmas = npt.NDArray[np.float64]


def beta_sigmas(table: Sigmas, count: int) -> Sigmas:
    """Levels at the quantiles of a Beta(0.6, 0.6) distribution over the training steps: dense at both ends.

    `table` holds the levels of all training steps, rising. Source: "Beta Sampling is All You Need" (2024).
    """
    places = _beta_quantiles(1 - np.arange(count) / count) * (len(table) - 1)
    return table[np.rint(places).astype(int)]


def kl_optimal_sigmas(table: Sigmas, count: int) -> Sigmas:
    """Levels even in their arc tangent. Source: "Align Your Steps" (2024), its KL-optimal schedule."""
    part = np.arange(count) / max(1, count - 1)
    angles: Sigmas = part * math.atan(table[0]) + (1 - part) * math.atan(table[-1])
    return np.tan(angles)


def _beta_quantiles(parts: Sigmas, exponent: float = 0.6) -> Sigmas:
    """Quantiles of the symmetric beta distribution; x = sin² takes its infinite ends away from the
    integral.
    """
    angles = np.linspace(0, math.pi / 2, 4097)
    density = (np.sin(angles) * np.cos(angles)) ** (2 * exponent - 1)
    steps = (density[1:] + density[:-1]) / 2
    below = np.concatenate([[0.0], np.cumsum(steps)]) / steps.sum()
    return np.sin(np.interp(parts, below, angles)) ** 2


SPACINGS: Mapping[str, Callable[[Sigmas, int], Sigmas]] = MappingProxyType(
    {"beta": beta_sigmas, "kl_optimal": kl_optimal_sigmas}
)
"""Scheduler name -> levels, falling, for so many steps."""
