import numpy as np
import pytest
from diffusers import EulerDiscreteScheduler
from diffusers.pipelines.mochi.pipeline_mochi import linear_quadratic_schedule
from diffusers.schedulers import AysSchedules

from backends.diffusers_local.samplers.spacings import (
    ALIGNED,
    ALIGNED_XL,
    DOORLESS,
    SPACINGS,
    aligned_sigmas,
    beta_sigmas,
)

ALPHAS = np.cumprod(1 - np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2)
TABLE = np.sqrt((1 - ALPHAS) / ALPHAS)
ALL = {**SPACINGS, **DOORLESS, "align_your_steps_xl": aligned_sigmas(ALIGNED_XL)}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("count", [1, 2, 3, 10, 16, 50])
def test_levels_fall_from_the_highest(name: str, count: int) -> None:
    if name == "turbo" and count > 10:
        with pytest.raises(ValueError, match="at most 10 steps"):
            ALL[name](TABLE, count)
        return
    levels = ALL[name](TABLE, count)
    assert len(levels) == count
    assert levels[0] == pytest.approx(TABLE[-1])
    assert (np.diff(levels) < 0).all()
    assert levels[-1] >= TABLE[0] - 1e-9


def test_beta_is_the_distributions_own_quantile() -> None:
    # regularised incomplete beta at 0.6, 0.6: half of it lies below a half, and it is symmetric
    middle = beta_sigmas(TABLE, 2)[1]
    assert middle == pytest.approx(TABLE[500], rel=0.01)
    four = np.searchsorted(TABLE, beta_sigmas(TABLE, 4))
    assert abs((four[1] + four[3]) - 999) <= 1
    assert abs(four[3] / 999 - 0.1757) < 0.001


@pytest.mark.parametrize(
    ("points", "name"), [(ALIGNED, "StableDiffusionSigmas"), (ALIGNED_XL, "StableDiffusionXLSigmas")]
)
def test_ten_aligned_steps_are_the_published_ones(points: tuple[float, ...], name: str) -> None:
    assert np.allclose(aligned_sigmas(points)(TABLE, 10), AysSchedules[name][:-1], atol=1e-3)


def test_aligned_steps_lie_between_the_published_ones() -> None:
    twenty = aligned_sigmas(ALIGNED)(TABLE, 20)
    assert np.allclose(twenty[::2], ALIGNED[:-1], atol=1e-3)
    assert np.allclose(np.log(twenty[1:-1:2]), (np.log(twenty[:-2:2]) + np.log(twenty[2::2])) / 2)


@pytest.mark.parametrize("count", [2, 3, 8, 25])
def test_linear_quadratic_is_the_published_one(count: int) -> None:
    published = np.array(linear_quadratic_schedule(count, 0.025))
    levels = SPACINGS["linear_quadratic"](TABLE, count) / TABLE[-1]
    assert np.allclose(levels, published, atol=1e-6)


def test_turbo_walks_each_hundredth_training_step() -> None:
    assert np.array_equal(SPACINGS["turbo"](TABLE, 4), TABLE[[999, 899, 799, 699]])


@pytest.mark.parametrize(
    ("name", "option"), [("karras", "use_karras_sigmas"), ("exponential", "use_exponential_sigmas")]
)
def test_the_doorless_are_diffusers_own(name: str, option: str) -> None:
    theirs = EulerDiscreteScheduler(
        beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, **{option: True}
    )
    theirs.set_timesteps(12)
    assert np.allclose(DOORLESS[name](TABLE, 12), theirs.sigmas[:-1], rtol=1e-4)
