"""How long the latest images took."""

from hub.jobs import Times, quantile
from hub.jobs.times import MOST


def test_times_are_those_since_a_moment_shortest_first() -> None:
    times = Times()
    times.begun(100.0, 90.0)
    times.begun(101.0, 99.0)
    times.begun(102.0, 103.0)  # a clock that was set back
    assert times.waited(0) == [0.0, 2.0, 10.0] and times.waited(100.0) == [0.0, 2.0]
    times.made(110.0, 105.0, 3)
    times.made(111.0, None, None)
    assert times.drawn(0) == [5.0] and times.images == {3: 1}


def test_loading_is_counted_when_there_was_any() -> None:
    times = Times()
    times.loaded(0.0)
    times.loaded(2.5)
    assert (times.loads, times.loading) == (1, 2.5)


def test_only_the_latest_are_kept() -> None:
    times = Times()
    for when in range(2 * MOST):
        times.begun(float(when), 0.0)
    assert len(times.waited(-1)) == MOST


def test_quantiles() -> None:
    assert quantile([7.0], 0.95) == 7.0
    assert quantile([1.0, 2.0, 3.0, 4.0], 0.5) == 3.0 and quantile(list(range(100)), 0.95) == 95
