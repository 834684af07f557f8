"""The numbered row of all of a user's events: nothing missed, nothing twice, bounded."""

from hypothesis import given
from hypothesis import strategies as st

from hub.jobs.events import Ended, Imaged, JobEvent
from hub.jobs.feed import Feeds


def ended(user: str, number: int = 1) -> JobEvent:
    return Ended(job="j", user=user, session="s", request_id=1001, number=number, state="done")


class TestNumbers:
    def test_they_go_up_by_one_for_each_user(self) -> None:
        feeds = Feeds()
        assert feeds.number("a") == 0 and feeds.number("b") == 0
        assert [feeds.record(ended(user)) for user in "aabab"] == [1, 2, 1, 3, 2]

    def test_a_newcomer_starts_above_all(self) -> None:
        feeds = Feeds()
        for _ in range(5):
            feeds.record(ended("a"))
        assert feeds.number("b") == 5 and feeds.record(ended("b")) == 6


class TestComingBack:
    def test_exactly_what_was_missed(self) -> None:
        feeds = Feeds()
        told = [ended("a", number) for number in range(5)]
        for event in told:
            feeds.record(event)
        assert feeds.after("a", 3) == [(4, told[3]), (5, told[4])]
        assert feeds.after("a", 5) == [] and len(feeds.after("a", 0) or ()) == 5

    def test_a_number_never_given(self) -> None:
        feeds = Feeds()
        feeds.record(ended("a"))
        assert feeds.after("a", 2) is None and feeds.after("a", -1) is None

    def test_what_is_gone_is_not_guessed(self) -> None:
        feeds = Feeds(most_events=2)
        for _ in range(3):
            feeds.record(ended("a"))
        assert feeds.after("a", 0) is None and len(feeds.after("a", 1) or ()) == 2


class TestBounds:
    def test_pictures_that_are_their_own_address_weigh(self) -> None:
        feeds = Feeds(most_bytes=100)
        for number in range(4):
            common = {"job": "j", "user": "a", "session": "s", "request_id": 1, "number": number}
            feeds.record(Imaged(**common, index=0, url="x" * 60, metadata=None))  # type: ignore[arg-type]
        assert feeds.after("a", 2) is None and len(feeds.after("a", 3) or ()) == 1

    def test_whoever_is_long_silent_is_forgotten_but_no_number_is_given_twice(self) -> None:
        feeds = Feeds(most_users=2)
        for _ in range(3):
            feeds.record(ended("a"))
        feeds.record(ended("b"))
        feeds.record(ended("c"))
        assert feeds.after("a", 3) is None or feeds.after("a", 3) == []
        assert feeds.record(ended("a")) > 3
        assert feeds.after("a", 2) is None


@given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans()), max_size=60), st.integers(1, 8))
def test_who_comes_back_at_any_time_hears_all_or_is_told(steps: list[tuple[str, bool]], most: int) -> None:
    feeds = Feeds(most_events=most)
    all_of: dict[str, list[tuple[int, JobEvent]]] = {"a": [], "b": []}
    seen = {user: feeds.number(user) for user in "ab"}
    for count, (user, looks) in enumerate(steps):
        if not looks:
            event = ended(user, count)
            all_of[user].append((feeds.record(event), event))
            continue
        missed = feeds.after(user, seen[user])
        wanted = [entry for entry in all_of[user] if entry[0] > seen[user]]
        assert missed == wanted if len(wanted) <= most else missed is None
        seen[user] = feeds.number(user)
