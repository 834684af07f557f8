from backends.restarts import DEATHS_ALLOWED, FIRST_DELAY, WINDOW, Restarts


def test_delays_grow_and_then_the_breaker_opens() -> None:
    restarts = Restarts()
    delays = [restarts.died(float(n), was_ready=True) for n in range(DEATHS_ALLOWED + 1)]
    assert delays[0] == FIRST_DELAY
    assert delays[-1] is None
    closed = [delay for delay in delays if delay is not None]
    assert closed == sorted(closed)


def test_old_deaths_are_forgiven() -> None:
    restarts = Restarts()
    for n in range(20):
        assert restarts.died(n * (WINDOW + 1), was_ready=True) == FIRST_DELAY


def test_three_failed_starts_open_the_breaker_and_a_demand_allows_one_more() -> None:
    restarts = Restarts()
    assert [restarts.died(float(n), was_ready=False) is None for n in range(3)] == [False, False, True]
    restarts.demanded()
    assert restarts.died(4.0, was_ready=False) is None
    restarts.demanded()
    assert restarts.died(5.0, was_ready=True) is not None
