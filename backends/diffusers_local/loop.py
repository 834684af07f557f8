"""The engine's thread: one turn is one forward of one group of requests.

Requests join at the next turn and leave after their own last step; nobody waits for a stranger's batch to
end. Everything here runs on one thread; other threads only append to `inbox` and set `wake`.
"""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager

import torch

from backends.contract import (
    Cancel,
    Cancelled,
    Command,
    Emit,
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
    Work,
)
from backends.diffusers_local import steps
from backends.diffusers_local.batching import Sizes
from backends.diffusers_local.loading.folders import ModelTrouble
from backends.diffusers_local.loading.gather import Kit, Need, gather, needs, paths_of
from backends.diffusers_local.loading.shelf import Shelf
from backends.diffusers_local.pace import ThreadChoice
from backends.diffusers_local.pictures.press import Press, Preview
from backends.diffusers_local.pictures.results import Results, out_of_memory
from backends.diffusers_local.prepare import Refused, check, prepare
from backends.diffusers_local.row import Row
from backends.diffusers_local.turns import Turns

PREVIEW_SECONDS = 0.05
"""At most one preview of a work in this time."""


class Loop:
    """Draws everything that was submitted, step by step, until told to stop."""

    def __init__(self, shelf: Shelf, emit: Emit) -> None:
        self.inbox: deque[Command] = deque()
        self.wake = threading.Event()
        self.stopping = False
        self._shelf = shelf
        self._press = Press(emit)
        self._turns: Turns[Row] = Turns(Sizes())
        self._most = torch.get_num_threads()
        self._paces: defaultdict[Hashable, ThreadChoice] = defaultdict(lambda: ThreadChoice(self._most))
        self._waiting: deque[Work] = deque()
        self._rows: list[Row] = []
        self._results = Results(self._press, emit, self._threads)

    def run(self) -> None:
        """The thread's body."""
        with torch.inference_mode():
            while not self.stopping:
                if not self._busy:
                    self.wake.wait()
                self.wake.clear()
                self.turn()
        self._press.close()

    @property
    def _busy(self) -> bool:
        return bool(self.inbox or self._waiting or self._rows or self._results.rows)

    def turn(self) -> None:
        """Commands, then newcomers, then one forward, then at most one decode."""
        while self.inbox:
            self._obey(self.inbox.popleft())
        while self._waiting and not self.stopping:
            self._admit(self._waiting.popleft())
            while self.inbox:
                self._obey(self.inbox.popleft())
        self._draw(self._turns.choose(self._rows))
        self._results.decode_some()

    # ---- commands ------------------------------------------------------------------------------------------

    def _obey(self, command: Command) -> None:
        match command:
            case Submit(work=work):
                self._waiting.append(work)
            case Cancel(ids=ids):
                self._cancel(frozenset(ids))
            case Load(ticket=ticket, model=model):
                self._load_on_request(ticket, model)
            case Free():
                self._shelf.free(self._pinned())
                self._press.put(Held(self._shelf.names))
            case _:
                pass

    def _cancel(self, ids: frozenset[str]) -> None:
        gone = [work.id for work in self._waiting if work.id in ids]
        gone += [row.work.id for row in self._rows if row.work.id in ids]
        self._waiting = deque(work for work in self._waiting if work.id not in ids)
        self._rows = [row for row in self._rows if row.work.id not in ids]
        for work in gone:
            self._press.put(Cancelled(work))
        self._results.cancel(ids)

    def _pinned(self) -> set[str]:
        works = [*self._waiting, *(row.work for row in (*self._rows, *self._results.rows))]
        return {path for work in works for path in paths_of(work)}

    def _load_on_request(self, ticket: str, ref: ModelRef) -> None:
        try:
            if self._shelf.find("model", ref) is None:
                _, seconds = self._shelf.load("model", ref, self._pinned())
            else:
                seconds = 0.0
            self._press.put(Loaded(ref.name, self._shelf.names, ticket, seconds))
        except ModelTrouble as trouble:
            self._press.put(LoadFailed(ref.name, str(trouble), ticket))
            self._press.put(Held(self._shelf.names))

    # ---- newcomers -----------------------------------------------------------------------------------------

    def _admit(self, work: Work) -> None:
        try:
            check(work)
            row = prepare(work, self._kit_for(work))
        except (Refused, ModelTrouble) as refused:
            self._press.put(Failed(work.id, str(refused)))
        except Exception as error:
            self._press.put(self._results.failure(work, error))
        else:
            if row.finished:
                self._start(row)
                self._results.add(row)
            else:
                self._rows.append(row)

    def _kit_for(self, work: Work) -> Kit:
        """Everything the work needs, loaded where it is not held. Raises ModelTrouble."""
        seconds = 0.0
        for need in needs(work):
            if self._shelf.find(need.kind, need.ref) is None:
                seconds += self._load(work, need)
        return gather(work, self._shelf, seconds)

    def _load(self, work: Work, need: Need) -> float:
        self._press.put(Loading(work.id, need.ref.name))
        try:
            _, seconds = self._shelf.load(need.kind, need.ref, self._pinned() | paths_of(work))
        except ModelTrouble as trouble:
            if need.kind == "model":
                self._press.put(LoadFailed(need.ref.name, str(trouble)))
            raise
        if need.kind == "model":
            self._press.put(Loaded(need.ref.name, self._shelf.names, "", seconds))
        return seconds

    def _start(self, row: Row) -> None:
        row.begin()
        self._press.put(Started(row.work.id, row.steps))

    # ---- steps ---------------------------------------------------------------------------------------------

    def _draw(self, rows: Sequence[Row]) -> None:
        if not rows:
            return
        for row in rows:
            if not row.begun:
                self._start(row)
        begun = time.perf_counter()
        try:
            with self._threads(rows):
                predictions = steps.predict(rows)
        except Exception as error:
            self._recover(rows, error)
            return
        for row, prediction in zip(rows, predictions, strict=True):
            self._take_step(row, prediction)
        count = sum(len(row.states) for row in rows)
        self._turns.took(rows, count, time.perf_counter() - begun)

    @contextmanager
    def _threads(self, rows: Sequence[Row], what: str = "forward") -> Iterator[None]:
        """Run with as many threads as have been fastest for this."""
        choice = self._paces[what, rows[0].key, len(rows)]
        # a work that must be repeatable must not depend on how busy the machine was
        threads = self._most if rows[0].alone else choice.threads()
        if threads != torch.get_num_threads():
            torch.set_num_threads(threads)
        begun = time.perf_counter()
        yield
        if not rows[0].alone:
            choice.record(threads, time.perf_counter() - begun)

    def _take_step(self, row: Row, prediction: steps.Prediction) -> None:
        moment, before = row.times[row.index], row.step
        try:
            steps.advance(row, prediction)
        except Exception as error:
            self._fail(row, error)
            return
        if row.step > before:
            self._tell_step(row, prediction, moment)
        if row.finished:
            self._end_walk(row)

    def _end_walk(self, row: Row) -> None:
        """The row took its last step: the work goes on in its next row, or its drawing is decoded."""
        self._rows.remove(row)
        if row.after is None:
            self._results.add(row)
            return
        try:
            self._rows.append(row.after(row))
        except Exception as error:
            self._press.put(self._results.failure(row.work, error))

    def _tell_step(self, row: Row, prediction: steps.Prediction, moment: torch.Tensor) -> None:
        progress = Progress(row.work.id, row.step, row.steps)
        now = time.perf_counter()
        if not row.work.previews or now - row.shown < PREVIEW_SECONDS:
            self._press.put(progress)
            return
        row.shown = now
        clean = steps.foreseen(row, prediction, moment)
        self._press.put(Preview(progress, clean, row.model.preview))

    def _recover(self, rows: Sequence[Row], error: Exception) -> None:
        """A forward failed: smaller if memory ran out, else each alone once, so that only the guilty one
        fails.
        """
        if len(rows) == 1:
            self._fail(rows[0], error)
            return
        if out_of_memory(error):
            self._turns.ran_out(rows)
            return
        for row in rows:
            try:
                (prediction,) = steps.predict([row])
            except Exception as own:
                self._fail(row, own)
            else:
                self._take_step(row, prediction)

    def _fail(self, row: Row, error: Exception) -> None:
        self._rows = [other for other in self._rows if other is not row]
        self._press.put(self._results.failure(row.work, error))
