import numpy as np
import pytest

from backends.diffusers_local.samplers.spacings import SPACINGS, beta_sigmas

ALPHAS = np.cumprod(1 - np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2)
TABLE = np.sqrt((1 - ALPHAS) / ALPHAS)


@pytest.mark.parametrize("name", SPACINGS)
@pytest.mark.parametrize("count", [1, 2, 16, 50])
def test_levels_fall_from_the_highest(name: str, count: int) -> None:
    levels = SPACINGS[name](TABLE, count)
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
