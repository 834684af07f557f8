"""The fair line: who comes next, at any size, against a slow but obvious model of it."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.jobs.order import Line


def add(line: Line[str], user: str, sequence: int, index: int = 0, need: str = "n") -> str:
    item = f"{user}{sequence}:{index}"
    line.add(item, need, user, (sequence, index))
    return item


class TestFairness:
    def test_users_take_turns_image_by_image(self) -> None:
        line: Line[str] = Line()
        for index in range(3):
            add(line, "a", 1, index)
        for index in range(2):
            add(line, "b", 2, index)
        assert [line.take("n") for _ in range(5)] == ["a1:0", "b2:0", "a1:1", "b2:1", "a1:2"]

    def test_a_newcomer_goes_first(self) -> None:
        line: Line[str] = Line()
        add(line, "a", 1)
        add(line, "a", 2)
        line.take("n")
        add(line, "b", 3)
        assert line.take("n") == "b3:0"

    def test_within_a_user_the_oldest_goes_first(self) -> None:
        line: Line[str] = Line()
        add(line, "a", 2)
        add(line, "a", 1)
        assert [line.take("n"), line.take("n")] == ["a1:0", "a2:0"]

    def test_one_that_comes_back_takes_its_old_place(self) -> None:
        line: Line[str] = Line()
        first = add(line, "a", 1)
        add(line, "a", 2)
        assert line.take("n") == first
        line.add(first, "n", "a", (1, 0))
        assert line.take("n") == first

    def test_service_in_one_lane_counts_in_all(self) -> None:
        line: Line[str] = Line()
        add(line, "a", 1, need="x")
        add(line, "a", 2, need="y")
        add(line, "b", 3, need="y")
        line.take("x")
        assert line.take("y") == "b3:0"


class TestHeads:
    def test_every_need_has_its_head_fairest_first(self) -> None:
        line: Line[str] = Line()
        add(line, "a", 1, need="x")
        line.take("x")
        add(line, "a", 2, need="x")
        add(line, "b", 3, need="y")
        assert [need for _, need in line.heads()] == ["y", "x"]

    def test_an_emptied_lane_has_none(self) -> None:
        line: Line[str] = Line()
        line.remove(add(line, "a", 1))
        assert line.heads() == [] and len(line) == 0
        with pytest.raises(KeyError):
            line.take("n")

    def test_nothing_to_take_where_nobody_ever_stood(self) -> None:
        with pytest.raises(KeyError):
            Line[str]().take("n")


class TestLeaving:
    def test_who_left_is_passed_over(self) -> None:
        line: Line[str] = Line()
        gone = add(line, "a", 1)
        stays = add(line, "a", 2)
        assert line.remove(gone) and not line.remove(gone)
        assert gone not in line and stays in line
        assert line.take("n") == stays

    def test_many_who_left_cost_no_memory(self) -> None:
        line: Line[str] = Line()
        add(line, "a", 0)
        for sequence in range(1, 1000):
            line.remove(add(line, "a", sequence))
        assert len(line._lanes["n"].queues["a"]) < 200
        assert line.take("n") == "a0:0"

    def test_waiting_lists_by_need(self) -> None:
        line: Line[str] = Line()
        add(line, "a", 1, need="x")
        add(line, "b", 2, need="y")
        assert line.waiting() == {"x": ["a1:0"], "y": ["b2:0"]}


class TestTheWayAhead:
    def test_counts_own_older_and_the_turns_of_others(self) -> None:
        line: Line[str] = Line()
        for index in range(3):
            add(line, "a", 1, index)
        for index in range(5):
            add(line, "b", 2, index)
        line.take("n")  # a is served: b goes first now
        assert line.ahead("b2:0") == 0
        assert line.ahead("a1:1") == 1
        assert line.ahead("a1:2") == 3
        assert line.ahead("nobody") is None


Step = tuple[str, int, int]


@given(st.lists(st.tuples(st.sampled_from("add take drop".split()), st.integers(0, 4), st.integers(0, 2))))
def test_it_agrees_with_a_plain_list(steps: list[Step]) -> None:
    line: Line[int] = Line()
    plain: dict[str, tuple[int, str, tuple[int, int]]] = {}
    served: dict[str, int] = {}
    turn = 0
    for count, (what, user_number, need) in enumerate(steps):
        user = f"u{user_number}"
        if what == "add":
            item = f"{user}-{count}"
            age = (random.Random(count).randrange(20), count)
            line.add(item, need, user, age)
            plain[item] = (need, user, age)
        elif what == "drop" and plain:
            item = sorted(plain)[count % len(plain)]
            assert line.remove(item)
            del plain[item]
        elif what == "take":
            fit = [
                (served.get(owner, 0), age, owner, item)
                for item, (kind, owner, age) in plain.items()
                if kind == need
            ]
            if not fit:
                assert need not in [kind for _, kind in line.heads()]
                continue
            _, _, owner, best = min(fit)
            assert line.take(need) == best
            turn += 1
            served[owner] = turn
            del plain[best]
    assert len(line) == len(plain)
