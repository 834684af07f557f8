"""What the roles allow: each refusal has its number and the time when there is room again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import HubError
from hub.jobs.limits import DAY, Day, check_day, check_request, check_waiting
from permissions import Quotas
from tests.hub.media.samples import request


class TestRequest:
    def test_no_limit_is_no_limit(self) -> None:
        check_request(request(width=4096, height=4096, steps=400), Quotas())

    def test_pixels(self) -> None:
        check_request(request(width=512, height=512), Quotas(pixels=512 * 512))
        with pytest.raises(HubError) as refusal:
            check_request(request(width=512, height=513), Quotas(pixels=512 * 512))
        assert refusal.value.extra == {"field": "width", "limit": 262144}
        assert "262656 pixels; your roles allow 262144" in refusal.value.text

    def test_steps(self) -> None:
        with pytest.raises(HubError) as refusal:
            check_request(request(steps=31), Quotas(steps=30))
        assert refusal.value.extra == {"field": "steps", "limit": 30}


class TestWaiting:
    def test_up_to_the_limit(self) -> None:
        check_waiting(8, 2, 10, None)

    def test_when_there_is_room(self) -> None:
        with pytest.raises(HubError) as refusal:
            check_waiting(8, 3, 10, 150.0)
        assert refusal.value.extra == {"field": "images", "limit": 2, "frees_in": 150.0}
        assert "8 images waiting; 3 more would pass the limit of 10. There is room in about 2 minutes" in (
            refusal.value.text
        )

    def test_what_can_never_fit(self) -> None:
        with pytest.raises(HubError) as refusal:
            check_waiting(0, 11, 10, 1.0)
        assert "No request of more than 10 images" in refusal.value.text


class TestDay:
    def test_it_frees_when_the_oldest_are_a_day_old(self) -> None:
        day = Day([(1000.0, 3, "a"), (5000.0, 4, "b")])
        check_day(day, 6000.0, 3, 10)
        with pytest.raises(HubError) as refusal:
            check_day(day, 6000.0, 6, 10)
        assert refusal.value.extra == {"field": "images", "limit": 3, "frees_in": 1000.0 + DAY - 6000.0}
        assert "7 of the 10 images" in refusal.value.text and "UTC" in refusal.value.text
        assert day.count(1000.0 + DAY) == 4

    def test_what_did_not_come_is_given_back(self) -> None:
        day = Day()
        day.add("a", 0.0, 10)
        day.settle("a", 4)
        day.settle("unknown", 4)
        assert day.count(1.0) == 4

    def test_what_can_never_fit(self) -> None:
        with pytest.raises(HubError) as refusal:
            check_day(Day(), 0.0, 11, 10)
        assert "never fit" in refusal.value.text


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9), st.integers(0, 9)), max_size=30))
def test_it_counts_like_a_plain_sum(steps: list[tuple[int, int, int]]) -> None:
    day, plain, now = Day(), {}, 0.0
    for number, (hours, images, made) in enumerate(steps):
        now += hours * 3600
        day.add(str(number), now, images)
        plain[str(number)] = (now, images)
        if made < images:
            day.settle(str(number), made)
            plain[str(number)] = (now, made)
        assert day.count(now) == sum(many for at, many in plain.values() if at > now - DAY)
