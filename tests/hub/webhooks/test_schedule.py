"""What is sent next, and when again."""

import pytest

from hub.webhooks.schedule import LONGEST_SECONDS, Schedule, is_accepted, is_final, pause


def test_each_pause_is_four_times_as_long_up_to_a_bound() -> None:
    assert [pause(tries, 5.0) for tries in (1, 2, 3, 4)] == [5.0, 20.0, 80.0, 320.0]
    assert pause(30, 5.0) == LONGEST_SECONDS
    assert pause(0, 5.0) == 5.0


@pytest.mark.parametrize(
    ("status", "tries", "final"), [(500, 7, False), (500, 8, True), (410, 1, True), (0, 1, False)]
)
def test_when_a_delivery_is_given_up(status: int, tries: int, final: bool) -> None:
    assert is_final(status, tries, 8) is final


def test_only_two_hundreds_are_accepted() -> None:
    assert [is_accepted(status) for status in (0, 199, 200, 204, 299, 301, 404)] == [
        False,
        False,
        True,
        True,
        True,
        False,
        False,
    ]


class TestSchedule:
    def test_one_thing_at_a_time_to_a_webhook(self) -> None:
        schedule = Schedule()
        schedule.add("a", 10, "a1")
        schedule.add("a", 10, "a2")
        schedule.add("b", 20, "b1")
        assert schedule.take(20) == ("a", "a1")
        assert schedule.take(20) == ("b", "b1")
        assert schedule.take(20) is None
        assert schedule.next_due() is None
        schedule.free("a")
        assert schedule.next_due() == 10
        assert schedule.take(20) == ("a", "a2")

    def test_nothing_before_it_is_due(self) -> None:
        schedule = Schedule()
        schedule.add("a", 10, "a1")
        assert schedule.take(9) is None
        assert schedule.take(10) == ("a", "a1")

    def test_what_is_tried_again_holds_nothing_back(self) -> None:
        schedule = Schedule()
        schedule.add("a", 500, "tried again")
        schedule.add("a", 10, "newer")
        assert schedule.take(10) == ("a", "newer")
        assert (len(schedule), schedule.waiting("a"), schedule.waiting("b")) == (1, 1, 0)

    def test_a_webhook_that_is_gone_is_forgotten(self) -> None:
        schedule = Schedule()
        schedule.add("a", 10, "a1")
        schedule.drop("a")
        schedule.drop("never there")
        assert schedule.take(100) is None
