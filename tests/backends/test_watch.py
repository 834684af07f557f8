from backends.watch import Watch, WatchOptions


def started() -> Watch:
    watch = Watch(WatchOptions(ping=1, silent=5, stuck=20, stall=50))
    watch.begin(100.0)
    return watch


def tick(watch: Watch, start: float, end: float, *, busy: bool, answers: bool) -> str:
    now = start
    while now < end:
        now += 1
        if why := watch.look(now, busy=busy):
            return why
        if answers:
            watch.heard = now
    return ""


def test_a_worker_that_answers_lives_for_ever() -> None:
    assert tick(started(), 100, 10_000, busy=False, answers=True) == ""


def test_silence_is_told_before_it_is_death() -> None:
    watch = started()
    assert tick(watch, 100, 107, busy=False, answers=False) == ""
    assert watch.silence(107) == 7
    assert "no sign of life" in tick(watch, 107, 130, busy=False, answers=False)


def test_work_without_progress_is_death_too() -> None:
    assert "no progress" in tick(started(), 100, 200, busy=True, answers=True)


def test_our_own_sleep_is_not_held_against_it() -> None:
    watch = started()
    assert watch.look(5000.0, busy=True) == ""
    assert watch.silence(5000.0) == 0
