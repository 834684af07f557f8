"""Ways to space the noise levels of a walk that diffusers has no option for (or only with a library we do
not need).
"""

import math
from collections.abc import Callable, Mapping, Sequence
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


_FAR = 1.5
"""How many times higher than a walk's own points a table may end and still be of their kind."""


def karras_sigmas(table: Sigmas, count: int, bend: float = 7.0) -> Sigmas:
    """Levels even in their root. Source: "Elucidating the Design Space of Diffusion-Based Models" (2022)."""
    ends = table[[-1, 0]] ** (1 / bend)
    levels: Sigmas = np.linspace(ends[0], ends[1], count) ** bend
    return levels


def exponential_sigmas(table: Sigmas, count: int) -> Sigmas:
    """Levels even in their logarithm."""
    levels: Sigmas = np.exp(np.linspace(math.log(table[-1]), math.log(table[0]), count))
    return levels


def aligned_sigmas(points: Sequence[float]) -> Callable[[Sigmas, int], Sigmas]:
    """Levels through `points`, which were found best for ten steps of a kind of model, even in their
    logarithm in between.

    The first is the table's own highest, so that the walk begins with pure noise on other models too; where
    that is far above the points', theirs come after it: in one leap from there a second-order guess flies
    off (seen on the starter model, whose highest is 80).
    Source: "Align Your Steps" (2024), with the interpolation its authors give for other numbers of steps.
    """

    def spaced(table: Sigmas, count: int) -> Sigmas:
        far = table[-1] > _FAR * points[0]
        known = np.log([table[-1], *(points if far else points[1:])])
        places = np.linspace(0, len(known) - 1, count + 1)[:-1]
        levels: Sigmas = np.exp(np.interp(places, np.arange(len(known)), known))
        return levels

    return spaced


def linear_quadratic_sigmas(table: Sigmas, count: int, slow: float = 0.025) -> Sigmas:
    """Half of the steps through the first `slow` part of the levels, evenly; the rest faster and faster.

    Source: "Movie Gen" (2024), with the numbers of its reimplementations.
    """
    if count == 1:
        return table[-1:]
    even = count // 2
    rest = count - even
    bend = (even - slow * count) / (even * rest**2)
    steps = np.arange(count)
    later = bend * steps**2 + (slow / even - 2 * bend * even) * steps + bend * even**2
    passed = np.where(steps < even, steps * slow / even, later)
    levels: Sigmas = table[-1] * (1 - passed)
    return levels


def turbo_sigmas(table: Sigmas, count: int) -> Sigmas:
    """The levels at each tenth of the training steps, from the last: where Turbo models were trained.

    Raises ValueError when `count` is more than 10.
    """
    if count > 10:
        raise ValueError(f"The scheduler 'turbo' takes at most 10 steps; {count} were asked for.")
    last, tenth = len(table) - 1, len(table) // 10
    return table[last - tenth * np.arange(count)]


def _beta_quantiles(parts: Sigmas, exponent: float = 0.6) -> Sigmas:
    """Quantiles of the symmetric beta distribution; x = sin² takes its infinite ends away from the
    integral.
    """
    angles = np.linspace(0, math.pi / 2, 4097)
    density = (np.sin(angles) * np.cos(angles)) ** (2 * exponent - 1)
    steps = (density[1:] + density[:-1]) / 2
    below = np.concatenate([[0.0], np.cumsum(steps)]) / steps.sum()
    return np.sin(np.interp(parts, below, angles)) ** 2


ALIGNED = (14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029)
"""Levels that "Align Your Steps" found for Stable Diffusion 1, published by its authors."""
ALIGNED_XL = (14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113, 0.029)
"""The same for Stable Diffusion XL."""

SPACINGS: Mapping[str, Callable[[Sigmas, int], Sigmas]] = MappingProxyType(
    {
        "beta": beta_sigmas,
        "kl_optimal": kl_optimal_sigmas,
        "align_your_steps": aligned_sigmas(ALIGNED),
        "linear_quadratic": linear_quadratic_sigmas,
        "turbo": turbo_sigmas,
    }
)
"""Scheduler name -> levels, falling, for so many steps."""

DOORLESS: Mapping[str, Callable[[Sigmas, int], Sigmas]] = MappingProxyType(
    {"karras": karras_sigmas, "exponential": exponential_sigmas}
)
"""What diffusers has itself, for classes without its options."""
