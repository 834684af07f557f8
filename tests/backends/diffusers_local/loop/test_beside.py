"""The loop on its own thread: what happens beside running works stalls none of them, and every work can be
stopped wherever it is.
"""

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from msgspec import structs

from backends.contract import (
    Cancel,
    Cancelled,
    Done,
    Failed,
    Free,
    Held,
    Load,
    Loaded,
    LoadFailed,
    Loading,
    ModelRef,
    Progress,
    Started,
    Submit,
    Watch,
    Work,
)
from backends.diffusers_local import steps
from backends.diffusers_local.loading.shelf import Shelf
from backends.diffusers_local.loop import between
from backends.diffusers_local.loop.pace import Costs
from backends.diffusers_local.prepare import prepare
from tests.backends.diffusers_local.conftest import Studio, a_work, ref_of


class Live(Studio):
    """A loop that runs by itself."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.Thread(target=self.loop.run, daemon=True)
        self._thread.start()

    def send(self, *commands: Any) -> None:
        self.loop.inbox.extend(commands)
        self.loop.wake.set()

    def until(self, condition: Callable[[], object], seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, [type(report) for report in self.reports[-5:]]
            time.sleep(0.001)

    def stop(self) -> None:
        self.loop.stopping = True
        self.loop.wake.set()
        self._thread.join(10)
        assert not self._thread.is_alive()


@pytest.fixture
def live() -> Iterator[Live]:
    made = Live()
    yield made
    made.stop()


class Slow:
    """Makes loading wait until it is let go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.calls = 0
        load = Shelf.load

        def slow(shelf: Shelf, kind: str, ref: ModelRef, *given: Any) -> Any:
            if ref.name == name:
                self.calls += 1
                self.begun.set()
                assert self.go_on.wait(30)
            return load(shelf, kind, ref, *given)

        monkeypatch.setattr(Shelf, "load", slow)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    made = Slow(monkeypatch, "zero")
    yield made
    made.go_on.set()


class TestLoading:
    def test_running_works_step_on_and_new_ones_of_a_held_model_begin(
        self, folder: Path, zero_folder: Path, live: Live, slow: Slow
    ) -> None:
        running, coming, other = a_work(folder, 1, steps=900), a_work(zero_folder, 2), a_work(folder, 3)
        live.send(Submit(running))
        live.until(lambda: live.of(Progress, running.id))
        live.send(Submit(coming), Submit(other))
        assert slow.begun.wait(10)
        steps_before = len(live.of(Progress, running.id))
        live.until(lambda: len(live.of(Progress, running.id)) > steps_before + 20)
        live.until(lambda: live.of(Done, other.id) or live.ended(running.id))
        assert not live.of(Started, coming.id)
        slow.go_on.set()
        live.until(lambda: live.of(Done, coming.id))
        live.send(Cancel((running.id,)))
        assert [r.model for r in live.of(Loading, coming.id)] == ["zero"]

    def test_a_work_is_cancelled_while_its_model_is_loading_and_the_model_stays(
        self, zero_folder: Path, live: Live, slow: Slow
    ) -> None:
        work = a_work(zero_folder, 1)
        live.send(Submit(work))
        assert slow.begun.wait(10)
        live.send(Cancel((work.id,)))
        live.until(lambda: live.of(Cancelled, work.id))
        slow.go_on.set()  # only now: the answer did not wait for the model
        live.until(lambda: live.of(Loaded))
        assert live.loop._shelf.names == ("zero",)
        assert not live.of(Started)

    def test_many_that_wait_for_one_model_load_it_once(
        self, zero_folder: Path, live: Live, slow: Slow
    ) -> None:
        works = [a_work(zero_folder, number) for number in range(3)]
        live.send(*(Submit(work) for work in works), Load("ticket", ref_of(zero_folder)))
        assert slow.begun.wait(10)
        slow.go_on.set()
        live.until(lambda: all(live.of(Done, work.id) for work in works))
        assert slow.calls == 1
        assert sorted(report.ticket for report in live.of(Loaded)) == ["", "ticket"]

    def test_many_that_wait_for_a_broken_one_fail_together(self, tmp_path: Path, live: Live) -> None:
        works = [a_work(tmp_path / "gone", number) for number in range(3)]
        live.send(*(Submit(work) for work in works))
        live.until(lambda: all(live.of(Failed, work.id) for work in works))
        assert len(live.of(LoadFailed)) == 1

    def test_an_unexpected_error_is_told_and_the_loader_goes_on(
        self, folder: Path, live: Live, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        load, calls = Shelf.load, []

        def scarce(shelf: Shelf, *given: Any) -> Any:
            calls.append(1)
            if len(calls) < 3:
                raise torch.OutOfMemoryError("too much") if len(calls) == 1 else KeyError("weight")
            return load(shelf, *given)

        monkeypatch.setattr(Shelf, "load", scarce)
        first, second = a_work(folder, 1), a_work(folder, 2)
        live.send(Submit(first))
        live.until(lambda: live.of(Failed, first.id))
        assert "could not be loaded: 'weight'" in live.of(Failed, first.id)[0].reason
        live.send(Submit(second))
        live.until(lambda: live.of(Done, second.id))

    def test_free_waits_for_what_is_loading_and_keeps_what_works_need(
        self, folder: Path, zero_folder: Path, live: Live, slow: Slow
    ) -> None:
        idle, coming = a_work(folder, 1), a_work(zero_folder, 2, steps=500)
        live.send(Submit(idle))
        live.until(lambda: live.of(Done, idle.id))
        live.send(Submit(coming), Free())
        assert slow.begun.wait(10)
        assert not live.of(Held)
        slow.go_on.set()
        live.until(lambda: live.of(Held))
        assert live.of(Held)[0].models == ("zero",)
        live.send(Cancel((coming.id,)))


class TestRoom:
    def test_a_model_that_does_not_fit_beside_running_works_waits_for_them(
        self, folder: Path, zero_folder: Path, live: Live
    ) -> None:
        live.loop._shelf._budget = 1
        first, second = a_work(folder, 1, steps=300), a_work(zero_folder, 2)
        live.send(Submit(first))
        live.until(lambda: live.of(Progress, first.id))
        live.send(Submit(second))
        live.until(lambda: live.of(Done, second.id))
        kinds = [(type(report), getattr(report, "id", "")) for report in live.reports]
        assert kinds.index((Loading, second.id)) > kinds.index((Progress, first.id))
        done = [report.step for report in live.of(Progress, first.id)]
        assert kinds[: kinds.index((Loading, second.id))].count((Progress, first.id)) == len(done)
        assert live.loop._shelf.names == ("zero",)

    def test_works_of_the_held_model_overtake_it_but_not_for_ever(
        self, folder: Path, zero_folder: Path, live: Live
    ) -> None:
        live.loop._shelf._budget = 1
        first, waiting = a_work(folder, 0, steps=200), a_work(zero_folder, 1, steps=1)
        live.send(Submit(first))
        live.until(lambda: live.of(Progress, first.id))
        live.send(Submit(waiting))
        number = 2

        def began(*works: Work) -> bool:
            return any(live.of(Started, work.id) for work in works)

        while not began(waiting):
            work = a_work(folder, number, steps=5)
            live.send(Submit(work))
            live.until(partial(began, work, waiting))
            number += 1
            assert number < 200
        # those that begin while its files are being read take nothing from it
        told = list(live.reports)
        looked_for = next(
            n for n, one in enumerate(told) if isinstance(one, Loading) and one.id == waiting.id
        )
        overtook = [one.id for one in told[:looked_for] if isinstance(one, Started)]
        assert 2 <= len(overtook) <= 18
        live.send(Cancel(tuple(f"t:{n}" for n in range(number))))
        live.until(lambda: not live.loop._busy)


class TestHalfPrecision:
    """The libraries change the default dtype of the whole process while they build a model."""

    def test_nobody_computes_while_the_default_is_another(
        self, folder: Path, zero_folder: Path, live: Live, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        live.loop._shelf._dtype = torch.bfloat16
        predict, seen, changed = steps.predict, set(), []
        change = torch.set_default_dtype

        def predicting(rows: Any) -> Any:
            seen.add(torch.get_default_dtype())
            answer = predict(rows)
            seen.add(torch.get_default_dtype())
            return answer

        def noting(dtype: torch.dtype) -> None:
            changed.append(dtype)
            change(dtype)
            time.sleep(0.02)

        monkeypatch.setattr(steps, "predict", predicting)
        monkeypatch.setattr(torch, "set_default_dtype", noting)
        running, coming = a_work(folder, 1, steps=900), a_work(zero_folder, 2)
        live.send(Submit(running))
        live.until(lambda: len(live.of(Progress, running.id)) > 5)
        live.send(Submit(structs.replace(coming, user="another")))
        live.until(lambda: len(live.of(Loaded)) == 2)
        live.send(Cancel((running.id, coming.id)))
        live.until(lambda: live.ended(running.id) and live.ended(coming.id))
        assert torch.bfloat16 in changed
        assert seen == {torch.float32}

    def test_a_load_that_fails_in_the_middle_leaves_it_as_it_was(
        self, folder: Path, live: Live, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def failing(*_: Any) -> Any:
            torch.set_default_dtype(torch.bfloat16)
            raise ValueError("in the middle")

        monkeypatch.setattr(Shelf, "load", failing)
        work = a_work(folder)
        live.send(Submit(work))
        live.until(lambda: live.of(Failed, work.id))
        assert torch.get_default_dtype() == torch.float32


def pausing(function: Callable[..., Any], seconds: float, parts: int = 10) -> Callable[..., Any]:
    """The function after a while in the model's own modules, where it can be paused."""

    def slower(*given: Any, **named: Any) -> Any:
        kit = given[1] if len(given) > 1 else given[0][0].kit
        inner = next(iter(kit.vae.modules()))
        for _ in range(parts):
            time.sleep(seconds / parts)
            for hook in list(inner._forward_pre_hooks.values()):
                hook(inner, ())
        return function(*given, **named)

    return slower


class TestStalls:
    @pytest.mark.parametrize("what", ["decode", "prepare"])
    def test_what_takes_long_is_done_between_the_steps_of_others(
        self, folder: Path, live: Live, monkeypatch: pytest.MonkeyPatch, what: str
    ) -> None:
        running, first = a_work(folder, 1, steps=900), a_work(folder, 3, width=96, steps=1)
        other = structs.replace(a_work(folder, 2, width=96, steps=1), user="another")
        live.send(Submit(first))
        live.until(lambda: live.of(Done, first.id))
        live.loop._results._costs, live.loop._between._costs = Costs(), Costs()
        live.send(Submit(running))
        live.until(lambda: len(live.of(Progress, running.id)) > 5)
        if what == "decode":
            monkeypatch.setattr(steps, "decode", pausing(steps.decode, 0.5, 50))
        else:
            monkeypatch.setattr(between, "prepare", pausing(prepare, 0.5, 50))
        drawn = len(live.of(Progress, running.id))
        live.send(Submit(other))
        live.until(lambda: live.of(Done, other.id))
        assert len(live.of(Progress, running.id)) > drawn + 10
        live.send(Cancel((running.id,)))


class TestCancel:
    def test_while_drawing_within_a_step(self, folder: Path, live: Live) -> None:
        work, other = a_work(folder, 1, steps=900), a_work(folder, 2, steps=900)
        live.send(Submit(work), Submit(other))
        live.until(lambda: len(live.of(Progress, work.id)) > 20)
        live.until(lambda: len(live.of(Progress, other.id)) > 20 or True)
        drawn = len(live.of(Progress, work.id))
        live.send(Cancel((work.id,)))
        live.until(lambda: live.of(Cancelled, work.id))
        assert len(live.of(Progress, work.id)) < drawn + 20
        live.send(Cancel((other.id,)))

    @pytest.mark.parametrize("beside", [False, True])
    @pytest.mark.parametrize("what", ["decode", "prepare"])
    def test_while_being_prepared_or_decoded(
        self, folder: Path, live: Live, monkeypatch: pytest.MonkeyPatch, what: str, beside: bool
    ) -> None:
        other, first = a_work(folder, 1, steps=900), a_work(folder, 3, steps=1, width=96)
        live.send(Submit(first))
        live.until(lambda: live.of(Done, first.id))
        live.loop._results._costs, live.loop._between._costs = Costs(), Costs()
        if beside:
            live.send(Submit(other))
            live.until(lambda: live.of(Progress, other.id))
        entered = threading.Event()
        module, name = (steps, "decode") if what == "decode" else (between, "prepare")
        slower = pausing(getattr(module, name), 60.0, 3000)

        def entering(*given: Any) -> Any:
            entered.set()
            return slower(*given)

        monkeypatch.setattr(module, name, entering)
        work = structs.replace(a_work(folder, 2, steps=1, width=96), user="another")
        live.send(Submit(work))
        assert entered.wait(10)
        live.send(Cancel((work.id,)))
        live.until(lambda: live.of(Cancelled, work.id))  # gives up long before the minute is over
        assert not live.of(Done, work.id)
        monkeypatch.undo()
        again = a_work(folder, 4, steps=1, width=96)
        live.send(Submit(again))
        live.until(lambda: live.of(Done, again.id))
        live.send(Cancel((other.id,)))

    def test_everything_at_once_and_nothing_is_left(self, folder: Path, live: Live) -> None:
        works = [
            a_work(folder, number, steps=number % 7, width=64 + 8 * (number % 3)) for number in range(24)
        ]
        live.send(*(Submit(work) for work in works))
        live.send(Cancel(tuple(work.id for work in works[::2])))
        live.until(lambda: live.of(Started))
        live.send(Cancel(tuple(work.id for work in works[1::4])))
        live.until(lambda: all(live.ended(work.id) for work in works))
        time.sleep(0.05)
        for work in works:
            ends = [r for r in live.reports if isinstance(r, Done | Failed | Cancelled) and r.id == work.id]
            assert len(ends) == 1
            assert live.reports[-1] is ends[0] or work.id not in {getattr(live.reports[-1], "id", "")}
        assert not live.loop._busy


class TestWatching:
    def test_no_previews_while_nobody_watches_and_again_when_somebody_does(
        self, folder: Path, live: Live
    ) -> None:
        work = a_work(folder, steps=900)

        def shown() -> int:
            return sum(report.preview is not None for report in live.of(Progress, work.id))

        live.send(Submit(work), Watch((work.id, "nobody"), False))
        live.until(lambda: len(live.of(Progress, work.id)) > 30)
        assert shown() == 0
        live.send(Watch((work.id,), True))
        live.until(lambda: shown() > 0)
        live.send(Cancel((work.id,)))

    def test_one_submitted_unwatched_may_be_watched(self, folder: Path, live: Live) -> None:
        work = a_work(folder, steps=900, previews=False)
        live.send(Submit(work))
        live.until(lambda: len(live.of(Progress, work.id)) > 5)
        assert not any(report.preview for report in live.of(Progress, work.id))
        live.send(Watch((work.id,), True))
        live.until(lambda: any(report.preview for report in live.of(Progress, work.id)))
        live.send(Cancel((work.id,)))

    def test_nothing_is_kept_of_works_that_are_gone(self, folder: Path, live: Live) -> None:
        live.send(*(Submit(a_work(folder, number, steps=1, previews=False)) for number in range(5)))
        live.until(lambda: len(live.of(Done)) == 5)
        last = a_work(folder, 9, steps=1)
        live.send(Submit(last), Watch((last.id,), False))
        live.until(lambda: live.of(Done, last.id))
        live.until(lambda: live.loop._telling._hidden <= {last.id})


class TestRemembering:
    def test_what_was_learned_is_there_after_a_restart(self, folder: Path, tmp_path: Path) -> None:
        first = Studio(tmp_path)
        first.draw(a_work(folder, 1, steps=8))
        (key,) = list(first.loop._turns.sizes._groups)
        first.loop._turns.sizes[key].size.limit = 8
        first.loop.close()
        second = Studio(tmp_path)
        second.draw(*(a_work(folder, number, steps=3) for number in range(8)))
        second.loop.close()
        assert second.loop._turns.sizes[key].size.limit >= 1
        assert second.loop._turns.sizes._remembered
        assert second.loop._remembered.read()
