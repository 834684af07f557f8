from dataclasses import dataclass

from backends.diffusers_local.batching import LARGEST, Batches, BatchSize
from backends.diffusers_local.pace import ThreadChoice


@dataclass(eq=False)
class Asked:
    key: str
    alone: bool = False


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
        taken = learn(size, 8, {1: 1.0, 2: 1.2, 4: 1.6, 8: 2.4})
        assert taken[0] == 1
        assert taken[-1] == 8 == LARGEST

    def test_stops_where_it_does_not(self) -> None:
        size = BatchSize()
        taken = learn(size, 8, {1: 1.0, 2: 1.2, 4: 2.4, 8: 4.8})
        assert size.limit == 2
        assert taken.count(4) <= 8

    def test_a_compute_bound_model_runs_one_after_the_other(self) -> None:
        size = BatchSize()
        taken = learn(size, 4, {1: 1.0, 2: 2.0, 4: 4.0}, 200)
        assert taken.count(1) > 180

    def test_a_size_that_did_not_pay_is_tried_again_later(self) -> None:
        size = BatchSize()
        learn(size, 4, {1: 1.0, 2: 2.0, 4: 4.0})
        assert learn(size, 4, {1: 1.0, 2: 1.1, 4: 1.2}, 300)[-1] == 4

    def test_never_more_than_there_are_or_memory_holds(self) -> None:
        size = BatchSize()
        learn(size, 8, {1: 1.0, 2: 1.1, 4: 1.2, 8: 1.3})
        assert size.wanted(3) == 3
        size.shrink(8)
        assert size.wanted(8) == 4
        assert learn(size, 8, {4: 1.0})[-1] == 4


class TestBatches:
    def test_groups_share_the_time_and_not_the_turns(self) -> None:
        batches = Batches()
        slow, quick = Asked("slow"), Asked("quick")
        turns = {"slow": 0, "quick": 0}
        for _ in range(110):
            (chosen,) = batches.choose([slow, quick])
            turns[chosen.key] += 1
            batches.took(chosen.key, 1, 2, 10.0 if chosen is slow else 1.0)
        assert 8 <= turns["slow"] <= 12

    def test_a_newcomer_does_not_owe_the_past(self) -> None:
        batches = Batches()
        old, new = Asked("old"), Asked("new")
        for _ in range(50):
            batches.choose([old])
            batches.took("old", 1, 2, 1.0)
        picks = []
        for _ in range(10):
            (chosen,) = batches.choose([old, new])
            picks.append(chosen.key)
            batches.took(chosen.key, 1, 2, 1.0)
        assert picks.count("old") == 5

    def test_one_that_must_be_alone_is_and_waits_its_turn(self) -> None:
        batches = Batches()
        batches._sizes["k"].limit = 4
        alone, others = Asked("k", alone=True), [Asked("k"), Asked("k")]
        assert batches.choose([alone, *others]) == [alone]
        assert batches.choose([others[0], alone, others[1]]) == others

    def test_nothing_from_nothing(self) -> None:
        assert Batches().choose([]) == []


class TestThreads:
    def run(self, choice: ThreadChoice, seconds: dict[int, float], forwards: int) -> list[int]:
        used = []
        for _ in range(forwards):
            threads = choice.threads()
            used.append(threads)
            choice.record(threads, seconds[threads])
        return used

    def test_all_threads_when_they_are_faster(self) -> None:
        used = self.run(ThreadChoice(4), {1: 1.0, 4: 0.4}, 90)
        assert used.count(4) > 80

    def test_one_when_the_machine_is_busy(self) -> None:
        used = self.run(ThreadChoice(2), {1: 1.0, 2: 40.0}, 1000)
        assert used.count(2) <= 5

    def test_both_ways_when_that_changes(self) -> None:
        choice = ThreadChoice(2)
        self.run(choice, {1: 1.0, 2: 40.0}, 10)
        assert self.run(choice, {1: 1.0, 2: 0.6}, 400)[-1] == 2
        assert self.run(choice, {1: 1.0, 2: 9.0}, 20)[-1] == 1

    def test_one_is_one(self) -> None:
        assert set(self.run(ThreadChoice(1), {1: 1.0}, 300)) == {1}
