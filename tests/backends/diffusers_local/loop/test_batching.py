from hypothesis import given
from hypothesis import strategies as st

from backends.diffusers_local.loop.batching import LARGEST, BatchSize, Group, Learned, Sizes, name_of

PAYS = {1: 1.0, 2: 1.2, 4: 1.6, 8: 2.4, 16: 4.0}
NEVER = {1: 1.0, 2: 2.0, 4: 4.0, 8: 8.0, 16: 16.0}


def learn(size: BatchSize, available: int, seconds: dict[int, float], forwards: int = 60) -> list[int]:
    taken = []
    for _ in range(forwards):
        count = size.wanted(available)
        taken.append(count)
        size.record(count, 2 * count, seconds[count])
    return taken


class TestBatchSize:
    def test_grows_while_it_pays(self) -> None:
        size = BatchSize()
        taken = learn(size, 16, PAYS)
        assert taken[0] == 1
        assert taken[-1] == 16 == LARGEST

    def test_stops_where_it_does_not(self) -> None:
        size = BatchSize()
        taken = learn(size, 8, {1: 1.0, 2: 1.2, 4: 2.4, 8: 4.8})
        assert size.limit == 2
        assert taken.count(4) <= 8

    def test_the_first_doubling_must_be_worth_more_than_the_next(self) -> None:
        size = BatchSize()
        learn(size, 8, {1: 1.0, 2: 1.86, 4: 3.7, 8: 7.4})
        assert size.limit == 1
        size = BatchSize()
        learn(size, 8, {1: 1.0, 2: 1.6, 4: 3.0, 8: 5.6})
        assert size.limit == 8

    def test_a_compute_bound_model_runs_one_after_the_other(self) -> None:
        size = BatchSize()
        taken = learn(size, 4, NEVER, 200)
        assert taken.count(1) > 180

    def test_a_size_that_did_not_pay_is_tried_again_later(self) -> None:
        size = BatchSize()
        learn(size, 4, NEVER)
        assert learn(size, 4, PAYS, 300)[-1] == 4

    def test_never_more_than_there_are_or_memory_holds(self) -> None:
        size = BatchSize()
        learn(size, 8, PAYS)
        assert size.wanted(3) == 3
        size.shrink(8)
        assert size.wanted(8) == 4
        assert learn(size, 8, PAYS)[-1] == 4

    def test_what_a_request_takes_bounds_it_before_memory_runs_out(self) -> None:
        size = BatchSize()
        learn(size, 16, PAYS)
        size.weigh(4, 400)
        assert size.wanted(16, free=1000) == 9
        assert size.wanted(16, free=10) == 1
        assert size.wanted(16, free=None) == 16
        size.weigh(1, 10_000)  # a smaller one, with something that is needed once, tells less
        assert size.bytes_each == 100

    def test_a_limit_that_has_come_to_hurt_is_left(self) -> None:
        size = BatchSize()
        learn(size, 4, PAYS)
        taken = learn(size, 4, NEVER, 2200)
        assert size.limit == 1
        assert taken[-100:].count(1) > 80

    @given(st.lists(st.tuples(st.integers(1, 30), st.floats(0, 10), st.integers(0, 3)), max_size=400))
    def test_it_always_takes_between_one_and_what_is_allowed(
        self, events: list[tuple[int, float, int]]
    ) -> None:
        size = BatchSize(limit=8, doubted=True)
        for available, seconds, what in events:
            count = size.wanted(available, free=None if what else 1000)
            assert 1 <= count <= min(available, size.largest, LARGEST)
            if what == 3:
                size.shrink(count)
            else:
                size.record(count, 2 * count, seconds)
                size.weigh(count, 100 * count)
            assert 1 <= size.limit <= size.largest


class TestRemembering:
    def test_a_remembered_size_is_used_at_once_and_kept_while_it_pays(self) -> None:
        group = Group("name", Learned(8, 1.0))
        taken = learn(group.size, 8, PAYS)
        assert taken[0] == 8
        assert taken.count(4) <= 4
        assert (taken[-1], group.size.doubted) == (8, False)

    def test_a_remembered_size_that_is_wrong_here_is_unlearned(self) -> None:
        group = Group("name", Learned(16, 1.0))
        taken = learn(group.size, 16, NEVER)
        assert taken[-1] == 1
        assert sum(taken) < 16 * 8 + 8 * 8 + 4 * 8 + 2 * 8 + 60

    def test_nonsense_is_bounded(self) -> None:
        group = Group("name", Learned(10**6, -5.0, -1))
        assert group.size.wanted(100) == LARGEST
        assert group.seconds is None

    def test_what_was_learned_comes_back_for_the_same_device_and_key_only(self) -> None:
        key = ("model@1", (4, 8, 8))
        first = Sizes("card")
        for _ in range(4):
            first[key].took(1, 2, 0.5)
        first[key].took(4, 8, 1.0)
        first[key].size.limit = 4
        kept = first.learned()
        assert kept == {name_of("card", key): Learned(4, 0.5)}
        assert Sizes("card", kept)[key].learned == Learned(4, 0.5)
        assert Sizes("other", kept)[key].size.limit == 1
        assert Sizes("card", kept)["model@2", (4, 8, 8)].size.limit == 1

    def test_groups_not_seen_for_long_leave_memory_but_not_what_is_remembered(self) -> None:
        sizes = Sizes("card")
        for number in range(300):
            sizes[number].took(1, 2, 0.5)
        assert len(sizes._groups) == 256
        assert len(sizes.learned()) == 300

    def test_what_one_costs_is_known_from_any_measurement(self) -> None:
        assert Group().seconds is None
        group = Group()
        group.took(4, 8, 3.0)
        assert group.seconds == 3.0
        group.took(1, 2, 1.0)
        assert group.seconds == 1.0
        assert group.measured(3) and not group.measured(2)
