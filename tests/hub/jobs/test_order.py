"""The fair line: who comes next, at any size, against a slow but obvious model of it."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.jobs.order import Line


def add(line: Line[str], user: str, sequence: int, index: int = 0, need: str = "n") -> str:
    item = f"{user}{sequence}:{index}"
    line.add(item, need, user, (0, sequence, index))
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
        line.add(first, "n", "a", (0, 1, 0))
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

    def test_who_waits_with_a_need(self) -> None:
        line: Line[str] = Line()
        add(line, "a", 1, need="x")
        gone = add(line, "b", 2, need="y")
        add(line, "b", 3, need="y")
        line.remove(gone)
        assert line.needs() == ["x", "y"] and line.of("y") == ["b3:0"] and line.of("z") == []


class TestOwnOrder:
    def test_priority_counts_among_ones_own_only(self) -> None:
        line: Line[str] = Line()
        add(line, "a", 1)
        add(line, "b", 2)
        line.add("b3:0", "n", "b", (-5, 3, 0))
        assert [line.take("n") for _ in range(3)] == ["a1:0", "b3:0", "b2:0"]

    def test_over_several_needs_too(self) -> None:
        line: Line[str] = Line()
        add(line, "a", 1, need="x")
        line.add("a2:0", "y", "a", (-1, 2, 0))
        assert [need for _, need in line.heads()] == ["y", "x"]

    def test_moving(self) -> None:
        line: Line[str] = Line()
        first, second = add(line, "a", 1), add(line, "a", 2)
        assert line.move(first, (0, 3, 0)) and not line.move("nobody", (0, 0, 0))
        assert line.move(second, (0, 2, 0))
        assert [line.take("n"), line.take("n")] == [second, first] and len(line) == 0
        assert line.heads() == []


class TestHeld:
    def test_a_held_user_is_passed_over_until_freed(self) -> None:
        line: Line[str] = Line()
        add(line, "a", 1)
        add(line, "b", 2)
        line.hold("a")
        assert line.take("n") == "b2:0" and line.heads() == []
        add(line, "a", 3)
        assert line.heads() == []
        line.free("a")
        assert [line.take("n"), line.take("n")] == ["a1:0", "a3:0"]

    def test_the_lane_of_a_held_user_stays(self) -> None:
        line: Line[str] = Line()
        add(line, "a", 1)
        line.hold("a")
        assert line.heads() == [] and line.needs() == ["n"]
        line.free("a")
        line.free("a")
        assert line.take("n") == "a1:0"


Step = tuple[str, int, int]


@given(
    st.lists(
        st.tuples(
            st.sampled_from("add take drop move hold free".split()), st.integers(0, 4), st.integers(0, 2)
        )
    )
)
def test_it_agrees_with_a_plain_list(steps: list[Step]) -> None:
    line: Line[int] = Line()
    plain: dict[str, tuple[int, str, tuple[int, int, int]]] = {}
    turns: dict[str, tuple[int, int]] = {}
    held: set[str] = set()
    turn = 0
    for count, (what, user_number, need) in enumerate(steps):
        user = f"u{user_number}"
        age = (-random.Random(count).randrange(3), random.Random(count).randrange(20), count)
        if what == "add":
            item = f"{user}-{count}"
            turns.setdefault(user, (0, len(turns)))
            line.add(item, need, user, age)
            plain[item] = (need, user, age)
        elif what == "drop" and plain:
            item = sorted(plain)[count % len(plain)]
            assert line.remove(item)
            del plain[item]
        elif what == "move" and plain:
            item = sorted(plain)[count % len(plain)]
            assert line.move(item, age)
            plain[item] = (*plain[item][:2], age)
        elif what == "hold":
            line.hold(user)
            held.add(user)
        elif what == "free":
            line.free(user)
            held.discard(user)
        elif what == "take":
            fit = [
                (turns[owner], age, item)
                for item, (kind, owner, age) in plain.items()
                if kind == need and owner not in held
            ]
            if not fit:
                assert need not in [kind for _, kind in line.heads()]
                continue
            _, _, best = min(fit)
            assert line.take(need) == best
            assert line.many(need) == sum(kind == need for kind, _, _ in plain.values()) - 1
            turn += 1
            turns[plain[best][1]] = (turn, 0)
            del plain[best]
    assert len(line) == len(plain)
    assert sorted(item for need in line.needs() for item in line.of(need)) == sorted(plain)
