"""Place in line and time to go, against the line itself played to its end."""

from hypothesis import given
from hypothesis import strategies as st

from hub.jobs.order import Line
from hub.jobs.place import Others, Pace


class TestPlace:
    def test_alone_only_own_images_are_before(self) -> None:
        assert Others([]).before(3) == 3 - 3

    def test_a_crowd_has_as_many_turns_as_we(self) -> None:
        others = Others([(500, False), (1, True), (2, True)])
        assert others.before(0) == 0 + 1 + 1
        assert others.before(1) == 1 + 1 + 2
        assert others.before(1000) == 503


@given(st.lists(st.integers(0, 3), min_size=1, max_size=20), st.integers(0, 6))
def test_it_is_what_the_line_does(users: list[int], taken: int) -> None:
    line: Line[str] = Line()
    waiting: dict[str, list[str]] = {}
    for count, number in enumerate(users):
        user, item = f"u{number}", f"i{count}"
        line.add(item, "n", user, (0, count, 0))
        waiting.setdefault(user, []).append(item)
    for _ in range(min(taken, len(users) - 1)):
        item = line.take("n")
        for items in waiting.values():
            if item in items:
                items.remove(item)
    told: dict[str, int] = {}
    for user, items in waiting.items():
        turn = line.turn(user)
        others = Others(
            (len(theirs), line.turn(other) < turn) for other, theirs in waiting.items() if other != user
        )
        told |= {item: mine + others.before(mine) for mine, item in enumerate(items)}
    order = [line.take("n") for _ in range(len(line))]
    assert told == {item: place for place, item in enumerate(order)}


class TestPace:
    def test_nothing_is_said_before_it_is_known(self) -> None:
        assert Pace().seconds(3, 10.0) is None

    def test_it_is_measured_while_engines_work(self) -> None:
        pace = Pace()
        for start in (0.0, 100.0, 1000.0):
            pace.begin(start)
            pace.end(start + 2.0, 50.0)
        assert abs((pace.seconds(1, 0.0) or 0) - 2.0) < 1e-9
        assert abs((pace.seconds(1, 100.0) or 0) - 6.0) < 1e-9

    def test_two_at_once_are_twice_as_fast(self) -> None:
        pace = Pace()
        pace.begin(0.0)
        pace.begin(0.0)
        pace.end(2.0, 50.0)
        pace.end(2.0, 50.0)
        assert abs((pace.seconds(2, 0.0) or 0) - 2.0) < 0.05

    def test_old_measurements_fade(self) -> None:
        pace = Pace()
        for second in range(40):
            pace.begin(second * 10.0)
            pace.end(second * 10.0 + 9.0, 1.0)
        for second in range(400):
            pace.begin(1e6 + second)
            pace.end(1e6 + second + 0.5, 1.0)
        assert abs((pace.seconds(1, 0.0) or 0) - 0.5) < 0.01

    def test_what_was_cancelled_counts_as_time_only(self) -> None:
        pace = Pace()
        pace.begin(0.0)
        pace.end(1.0)
        assert pace.seconds(1, 1.0) is None


def test_ten_newcomers_are_served_within_the_first_eleven() -> None:
    line: Line[str] = Line()
    for index in range(500):
        line.add(f"many:{index}", "n", "many", (0, 1001, index))
    line.take("n")
    for number in range(10):
        line.add(f"one{number}:0", "n", f"one{number}", (0, 1001, 0))
    first = [line.take("n") for _ in range(11)]
    assert sum(item.startswith("one") for item in first) == 10
