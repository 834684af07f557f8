"""Who draws next, played through without a model: fair, complete, and quicker where that is possible."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.diffusers_local.loop.batching import LARGEST, Learned, Sizes, name_of
from backends.diffusers_local.loop.turns import SHORT, Turns

Cost = Callable[[str, int], float]


def launch_bound(key: str, count: int) -> float:
    """Eight requests take as long as two."""
    return 1.0 + 0.15 * count


def compute_bound(key: str, count: int) -> float:
    """Every request takes its own time, twice as long in a large picture."""
    return (2.0 if key == "large" else 1.0) * count


@dataclass(eq=False)
class Asked:
    user: str
    rest: int
    key: str = "k"
    alone: bool = False
    arrives: float = 0.0
    begun: float = 0.0
    ended: float = 0.0


class Stage:
    """Plays requests through a choice on a clock of its own."""

    def __init__(self, cost: Cost, short: float = SHORT) -> None:
        self.turns: Turns[Asked] = Turns(Sizes(), short)
        self.cost = cost
        self.now = 0.0
        self.order: list[Asked] = []

    def play(self, asked: list[Asked]) -> None:
        coming = sorted(asked, key=lambda one: one.arrives)
        here: list[Asked] = []
        for _ in range(sum(one.rest for one in asked) + len(asked) + 1):
            if not here and not coming:
                return
            if not here:
                self.now = max(self.now, coming[0].arrives)
            while coming and coming[0].arrives <= self.now:
                here.append(coming.pop(0))
            self.forward(here)
        raise AssertionError("requests were lost or starved")

    def forward(self, here: list[Asked]) -> list[Asked]:
        chosen = self.turns.choose(here)
        assert chosen
        assert all(one in here for one in chosen)
        assert len({one.key for one in chosen}) == 1
        assert len({id(one) for one in chosen}) == len(chosen) <= LARGEST
        assert len(chosen) == 1 or not any(one.alone for one in chosen)
        seconds = self.cost(chosen[0].key, len(chosen))
        self.now += seconds
        for one in chosen:
            one.begun = one.begun or self.now
            one.rest -= 1
            if not one.rest:
                one.ended = self.now
                here.remove(one)
                self.order.append(one)
        self.turns.took(chosen, len(chosen), seconds)
        return chosen


def knowing(stage: Stage, *keys: str) -> Stage:
    """What one forward costs has been seen before."""
    known = {name_of("", key): Learned(1, stage.cost(key, 1)) for key in keys}
    stage.turns = Turns(Sizes("", known), stage.turns._short)
    return stage


requests = st.builds(
    Asked,
    user=st.sampled_from("abcd"),
    rest=st.integers(1, 40),
    key=st.sampled_from(["small", "large", "other"]),
    alone=st.booleans(),
    arrives=st.floats(0, 60),
)


class TestWhole:
    @settings(max_examples=150, deadline=None)
    @given(st.lists(requests, min_size=1, max_size=25), st.sampled_from([launch_bound, compute_bound]))
    def test_every_request_is_drawn_to_its_end(self, asked: list[Asked], cost: Cost) -> None:
        stage = Stage(cost)
        stage.play(asked)
        assert sorted(map(id, stage.order)) == sorted(map(id, asked))

    def test_nothing_from_nothing(self) -> None:
        assert Turns(Sizes()).choose([]) == []

    @pytest.mark.parametrize("cost", [launch_bound, compute_bound])
    def test_a_user_who_always_has_more_starves_nobody(self, cost: Cost) -> None:
        stage = knowing(Stage(cost), "small", "large")
        patient = Asked("patient", 50, "large")
        here = [Asked("busy", 5, "small") for _ in range(20)] + [patient]
        turns = 0
        while patient in here:
            stage.forward(here)
            here += [Asked("busy", 5, "small") for _ in range(21 - len(here))]
            turns += 1
        assert turns < 400

    def test_short_ones_of_ever_new_users_pause_a_long_one_for_half_its_time_at_most(self) -> None:
        stage = knowing(Stage(compute_bound), "small", "large")
        long = Asked("patient", 100, "large")
        here = [long]
        for number in range(2000):
            if long not in here:
                break
            stage.forward(here)
            here.append(Asked(f"user {number}", 3, "small"))
        assert stage.order.index(long) > 5
        assert long.ended <= 2.0 * 100 * 1.5 + 1


class TestTogether:
    def test_groups_share_the_time_and_not_the_turns(self) -> None:
        stage = Stage(lambda key, count: 10.0 if key == "slow" else 1.0)
        here = [Asked(user, 10**6, key) for key in ("slow", "quick") for user in "ab"]
        picked = [stage.forward(here)[0].key for _ in range(220)]
        late = picked[-110:]
        assert 8 <= late.count("slow") <= 12

    def test_a_group_of_more_users_gets_more_of_the_time(self) -> None:
        stage = Stage(lambda key, count: 1.0)
        here = [Asked(user, 10**6, "many") for user in "abcdef"] + [Asked(u, 10**6, "few") for u in "xy"]
        picked = [stage.forward(here)[0].key for _ in range(300)]
        assert 65 <= picked[-100:].count("many") <= 85

    def test_a_newcomer_does_not_owe_the_past(self) -> None:
        stage = Stage(lambda key, count: 1.0)
        old = [Asked(user, 10**6, "old") for user in "ab"]
        for _ in range(50):
            stage.forward(old)
        both = old + [Asked(user, 10**6, "new") for user in "cd"]
        picked = [stage.forward(both)[0].key for _ in range(40)]
        assert 15 <= picked[-30:].count("old") <= 25

    def test_a_user_with_many_gives_a_place_to_one_with_none(self) -> None:
        stage = Stage(launch_bound)
        stage.turns.sizes["k"].size.limit = stage.turns.sizes["k"].size.largest = 4
        here = [Asked("many", 100) for _ in range(6)]
        assert {one.user for one in stage.forward(here)} == {"many"}
        new = Asked("new", 100)
        here.append(new)
        chosen = stage.forward(here)
        assert new in chosen
        assert len(chosen) == 4

    def test_places_stay_with_those_who_have_begun(self) -> None:
        stage = Stage(launch_bound)
        stage.turns.sizes["k"].size.limit = stage.turns.sizes["k"].size.largest = 2
        here = [Asked(user, 10) for user in "ab"]
        first = stage.forward(here)
        here += [Asked(user, 1) for user in "cd"]
        assert stage.forward(here) == first

    def test_one_that_must_be_alone_is_and_the_others_go_on_beside_it(self) -> None:
        stage = Stage(launch_bound)
        stage.turns.sizes["k"].size.limit = 4
        alone = Asked("a", 10, alone=True)
        here = [alone, Asked("b", 10), Asked("c", 10)]
        picked = [stage.forward(here) for _ in range(6)]
        assert [alone] in picked
        assert [here[1], here[2]] in picked


class TestOneAfterTheOther:
    def test_equals_run_to_their_end_in_the_order_of_their_age(self) -> None:
        stage = knowing(Stage(compute_bound), "small", "large")
        asked = [Asked(user, 10, "small") for user in "abcd"]
        stage.play(list(asked))
        assert stage.order == asked
        # the tries of a batch of two cost the first ones little, and never the last
        one_by_one = [10.0, 20.0, 30.0, 40.0]
        assert sum(one.ended for one in asked) <= 1.1 * sum(one_by_one)

    def test_users_alternate(self) -> None:
        stage = Stage(compute_bound)
        for key in ("small", "large"):
            stage.turns.sizes[key].size.largest = 1
        asked = [Asked("many", 5, "small") for _ in range(4)] + [Asked("one", 5, "large"), Asked("two", 5)]
        stage.turns.sizes["k"].size.largest = 1
        stage.play(asked)
        assert [one.user for one in stage.order[:3]] == ["many", "one", "two"]

    def test_a_short_one_of_a_waiting_user_goes_first_and_the_long_one_goes_on(self) -> None:
        stage = knowing(Stage(compute_bound), "small", "large")
        long, short = Asked("a", 40, "large"), Asked("b", 4, "small", arrives=10)
        stage.play([long, short])
        assert stage.order == [short, long]
        assert short.ended - short.arrives <= 4 + 2
        assert long.ended == 84

    @pytest.mark.parametrize(
        "waiting", [Asked("b", 12, "large", arrives=10), Asked("a", 4, "small", arrives=10)]
    )
    def test_no_equal_and_no_work_of_the_same_user_does(self, waiting: Asked) -> None:
        stage = knowing(Stage(compute_bound), "small", "large")
        long = Asked("a", 40, "large")
        stage.play([long, waiting])
        assert stage.order[0] is long

    def test_pauses_make_the_mean_shorter_and_the_whole_no_longer(self) -> None:
        """The policy is kept because of this: works of 4 to 60 forwards by eight users on a processor."""
        means, ends = {}, {}
        for short in (0.0, SHORT):
            waits, last = [], []
            for seed in range(30):
                chance = random.Random(seed)
                asked = [
                    Asked(
                        chance.choice("abcdefgh"),
                        chance.choice([4, 8, 20, 60]),
                        chance.choice(["small", "large"]),
                        arrives=chance.uniform(0, 400),
                    )
                    for _ in range(24)
                ]
                stage = knowing(Stage(compute_bound, short), "small", "large")
                for key in ("small", "large"):
                    stage.turns.sizes[key].size.largest = 1
                stage.play(list(asked))
                waits += [one.ended - one.arrives for one in asked]
                last.append(stage.now)
            means[short], ends[short] = sum(waits) / len(waits), sum(last)
        assert means[SHORT] < 0.95 * means[0.0]
        assert ends[SHORT] == pytest.approx(ends[0.0])
