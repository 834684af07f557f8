"""The engine's thread: one turn is one forward of one group of requests.

Requests join at the next turn and leave after their own last step; nobody waits for a stranger's batch to
end. What lies before, between and after the steps (preparing, enlarging, decoding) is done in pieces between
the turns; what comes from the disk is loaded by a thread of its own. Other threads only append to `inbox` and
set `wake`.
"""

import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import torch

from backends.contract import (
    Cancel,
    Cancelled,
    Command,
    Emit,
    Failed,
    Free,
    Load,
    Submit,
    Watch,
    Work,
)
from backends.diffusers_local import steps, stock
from backends.diffusers_local.loading.fetch import Fetcher
from backends.diffusers_local.loading.gather import Kit
from backends.diffusers_local.loading.shelf import Shelf, empty_caches
from backends.diffusers_local.loading.stock_model import StockModel
from backends.diffusers_local.loading.weights import ModelTrouble
from backends.diffusers_local.loop.batching import Sizes
from backends.diffusers_local.loop.between import Between
from backends.diffusers_local.loop.errands import Errands
from backends.diffusers_local.loop.exclusive import Exclusive
from backends.diffusers_local.loop.forwards import Forwards, Threads
from backends.diffusers_local.loop.memory import Gauge, out_of_memory
from backends.diffusers_local.loop.newcomers import Newcomers
from backends.diffusers_local.loop.remembered import Remembered
from backends.diffusers_local.loop.telling import Telling
from backends.diffusers_local.loop.turns import Turns
from backends.diffusers_local.pictures.press import Finished, Press
from backends.diffusers_local.pictures.previews import Previews
from backends.diffusers_local.pictures.results import Results
from backends.diffusers_local.prepare import Refused
from backends.diffusers_local.row import Row

_PIECE = 0.02  # seconds of errands before commands are looked at again, when nobody steps
_GATHER = 0.05  # seconds that the first steps wait for others who came together with the first
_LEAST = 0.005  # seconds of errands after every forward, however short it was


class Loop:
    """Draws everything that was submitted, step by step, until told to stop.

    `device` names what it runs on for what is remembered in `keep` (a folder; None: nothing is). `previews`
    is one of previews.KINDS.
    """

    def __init__(
        self, shelf: Shelf, emit: Emit, keep: Path | None = None, device: str = "", previews: str = "fast"
    ) -> None:
        self.inbox: deque[Command] = deque()
        self.wake = threading.Event()
        self.stopping = False
        self._emit = emit
        self._shelf = shelf
        self._press = Press(emit)
        self._previews = Previews(previews, emit)
        self._remembered = Remembered(keep)
        self._turns: Turns[Row | Exclusive] = Turns(Sizes(device, self._remembered.read()))
        self._threads = Threads()
        self._gauge = Gauge(shelf.device)
        self._forwards = Forwards(
            self._turns, self._threads, self._gauge, self._take_step, self._fail, self._relieve
        )
        self._fetcher = Fetcher(shelf, lambda: self._newcomers.pins, self.wake.set)
        self._newcomers = Newcomers(shelf, self._fetcher, self._press.put, emit)
        self._errands = Errands()
        self._results = Results(self._press, emit, self._errands, self._threads, self._relieve)
        self._telling = Telling(self._press, self._previews, lambda: self._at_work)
        self._between = Between(
            self._errands,
            self._threads,
            self._telling,
            self._enter,
            self._refuse,
            self._relieve,
            self._results.show,
        )
        self._rows: list[Row | Exclusive] = []

    def run(self) -> None:
        """The thread's body."""
        with torch.inference_mode():
            while not self.stopping:
                idle = not self._busy
                if idle or self._remembered.is_due:
                    self._remembered.write(self._turns.sizes.learned())
                if idle:
                    self.wake.wait()
                self.wake.clear()
                self.turn()
        self.close()

    def close(self) -> None:
        """Let go of everything under way, and say what is finished."""
        self._errands.close()
        for row in self._rows:
            if isinstance(row, Exclusive):
                row.close()
        self._remembered.write(self._turns.sizes.learned())
        self._press.close()

    @property
    def _busy(self) -> bool:
        return bool(self.inbox or self._newcomers or self._drawing)

    @property
    def _drawing(self) -> list[Work]:
        """The works between their preparation and their picture."""
        return [*(row.work for row in self._rows), *self._results.works, *self._errands.works]

    @property
    def _at_work(self) -> list[Work]:
        """The works without an end."""
        return [*self._drawing, *self._newcomers.works]

    def turn(self) -> None:
        """Commands, then one forward, then errands for about as long; without anybody to step for, errands
        until there is.
        """
        self._obey_all()
        self._gather()
        chosen = self._turns.choose(self._candidates(), self._gauge.free() if self._rows else None)
        if not chosen or self.stopping:
            return
        self._telling.crowd = len(self._rows)
        self._draw(chosen)
        del chosen
        if not self._rows:
            self._turns.rest()
        self._do_errands(max(self._forwards.seconds, _LEAST))

    def _gather(self) -> None:
        """Bring works to their first step: until one is there, and those that came with it, if that is
        quick.
        """
        self._look()
        until = float("inf")
        while not (self.inbox or self.stopping):
            if self._rows:
                until = min(until, time.perf_counter() + _GATHER)
                if any(row.begun for row in self._rows) or time.perf_counter() > until:
                    return
            if not self._do_errands(_PIECE):
                if self._rows or not self._newcomers.loading:
                    return
                self.wake.wait()
                self.wake.clear()
            self._look()

    def _look(self) -> None:
        self._newcomers.look(self._drawing)

    def _candidates(self) -> list[Row | Exclusive]:
        """A pipeline draws one work at a time: the others of its model stay behind the one that has begun."""
        begun = {id(row.model) for row in self._rows if isinstance(row, Exclusive) and row.begun}
        return [
            row
            for row in self._rows
            if not isinstance(row, Exclusive) or row.begun or id(row.model) not in begun
        ]

    # ---- commands ------------------------------------------------------------------------------------------

    def _obey_all(self) -> None:
        while self.inbox:
            self._obey(self.inbox.popleft())

    def _obey(self, command: Command) -> None:
        match command:
            case Submit(work=work):
                self._telling.submitted(work)
                self._newcomers.add(work)
            case Cancel(ids=ids):
                self._cancel(frozenset(ids))
            case Watch(ids=ids, watched=watched):
                self._telling.watch(frozenset(ids), watched)
            case Load(ticket=ticket, model=model):
                self._newcomers.load(ticket, model)
            case Free():
                self._look()  # what works before this need is kept
                self._newcomers.free()
                self._previews.forget()
            case _:
                pass

    def _cancel(self, ids: frozenset[str]) -> None:
        self._newcomers.cancel(ids)
        self._results.cancel(ids)
        gone = self._errands.cancel(ids)
        for row in [row for row in self._rows if row.work.id in ids]:
            self._rows.remove(row)
            gone.append(row.work.id)
            if isinstance(row, Exclusive):
                row.close()
        for work in gone:
            self._press.put(Cancelled(work))

    # ---- errands -------------------------------------------------------------------------------------------

    def _do_errands(self, seconds: float) -> bool:
        """Pictures on their way out first, then newcomers; False when there was nothing to do."""
        until = time.perf_counter() + seconds
        left = seconds
        done = False
        while left > 0 and not self.stopping and (self._errands or self._begin_errand()):
            done = True
            self._errands.go_on(left)
            if self.inbox:
                break
            left = until - time.perf_counter()
        return done

    def _begin_errand(self) -> bool:
        if self._results:
            self._results.begin_next(self._forwards.seconds if self._rows else None)
            return True
        newcomer = self._newcomers.next(self._drawing)
        if newcomer is None:
            return False
        self._prepare(*newcomer)
        return True

    def _prepare(self, work: Work, kit: Kit) -> None:
        if (whole := stock.model_of(kit)) is not None:
            self._enter_exclusive(work, kit, whole)
            return
        self._between.prepare(work, kit, max(self._forwards.seconds, _LEAST))

    def _refuse(self, work: Work, error: Exception) -> None:
        if isinstance(error, Refused | ModelTrouble):
            self._press.put(Failed(work.id, str(error)))
        else:
            self._press.put(self._results.failure(work, error))

    def _enter(self, row: Row) -> None:
        """A row is ready: to be stepped, or, when it has no steps, for what follows them."""
        if not row.finished:
            self._rows.append(row)
            return
        self._telling.start(row)
        self._follow(row)

    def _follow(self, row: Row) -> None:
        """The row took its last step: the work goes on in its next row, or its drawing is decoded."""
        if row.after is None:
            self._results.add(row)
        else:
            self._between.follow(row, row.after)

    def _relieve(self) -> None:
        """Memory ran out: let go of what nobody needs."""
        self._shelf.free(self._newcomers.pins)
        empty_caches()

    # ---- steps ---------------------------------------------------------------------------------------------

    def _draw(self, chosen: Sequence[Row | Exclusive]) -> None:
        for row in chosen:
            self._telling.start(row)
        if isinstance(chosen[0], Exclusive):
            self._draw_exclusive(chosen[0])
        else:
            self._forwards.run([row for row in chosen if isinstance(row, Row)])

    def _take_step(self, row: Row, prediction: steps.Prediction) -> None:
        moment, before = row.times[row.index], row.step
        try:
            steps.advance(row, prediction)
        except Exception as error:
            self._fail(row, error)
            return
        if row.latents.device.type == "cpu" and not self._results.is_finite(row):
            self._rows.remove(row)
            return
        if row.step > before:
            self._telling.step(row, lambda: steps.foreseen(row, prediction, moment))
        if row.finished:
            self._rows.remove(row)
            self._follow(row)

    def _fail(self, row: Row | Exclusive, error: Exception) -> None:
        self._rows = [other for other in self._rows if other is not row]
        self._refuse(row.work, error)

    # ---- works of a pipeline -------------------------------------------------------------------------------

    def _enter_exclusive(self, work: Work, kit: Kit, model: StockModel) -> None:
        try:
            stock.refuse(work, model)
        except Refused as refused:
            self._press.put(Failed(work.id, str(refused)))
            return
        self._rows.append(Exclusive(work, kit, self._telling.step))

    def _draw_exclusive(self, row: Exclusive) -> None:
        self._threads.use(self._threads.most)
        begun = time.perf_counter()
        try:
            row.go_on()
        except Exception as error:
            error.__traceback__ = None
            if out_of_memory(error) and not row.repeated:
                self._relieve()
                row.repeat()
            else:
                self._fail(row, error)
            return
        self._gauge.settle()
        self._forwards.seconds = time.perf_counter() - begun
        self._turns.took([row], 1, self._forwards.seconds)
        if row.drawing is not None:
            self._rows.remove(row)
            self._deliver(row, row.drawing)

    def _deliver(self, row: Exclusive, drawing: stock.Drawing) -> None:
        seconds = time.perf_counter() - row.begun
        self._press.put(
            Finished(
                row.work,
                drawing.plan,
                lambda: drawing.picture,
                row.kit.seconds,
                seconds,
                drawing.notes,
                drawing.centred,
                drawing.finish,
            )
        )
