"""Cancels hammered against claims, reports and lost engines: every image has exactly one end, the same one in
the store; nobody else's job is ever touched.

The engine is played by the test, so that its next word can come at any moment. Jobs, store, files are real.
"""

import asyncio
import random
import sqlite3
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image as Pictures

from backends.contract import (
    Cancel,
    Cancelled,
    Command,
    Done,
    EngineState,
    EngineType,
    Failed,
    Image,
    Loading,
    Progress,
    Report,
    Started,
    Submit,
)
from hub.accounts.caller import Caller, Limits
from hub.jobs import Jobs, Stop
from hub.jobs.events import Ended, ImageCancelled, Imaged, ImageFailed, JobEvent
from hub.media import Media
from hub.store import Store
from tests.hub.media.samples import request

FINALS = {Imaged: "done", ImageFailed: "failed", ImageCancelled: "cancelled"}
SLOTS = 4


def png() -> bytes:
    kept = BytesIO()
    Pictures.new("RGB", (4, 4)).save(kept, "PNG")
    return kept.getvalue()


class Played:
    """An engine whose every word is said when `step` is called."""

    def __init__(self, dice: random.Random) -> None:
        self.version = 0
        self.jobs: Jobs | None = None
        self._dice = dice
        self._held: dict[str, int] = {}
        self._unwanted: set[str] = set()
        self._over: list[str] = []
        self._data = png()
        self.claims = 0

    def states(self) -> Sequence[EngineState]:
        return (EngineState(0, "played", "Played", "running", slots=SLOTS, busy=len(self._held)),)

    def types(self) -> Sequence[EngineType]:
        return ()

    def send(self, engine_id: int, command: Command) -> None:
        if isinstance(command, Submit):
            assert command.work.id not in self._held and len(self._held) < SLOTS
            self._held[command.work.id] = 0
            self.claims += 1
        elif isinstance(command, Cancel):
            self._unwanted.update(command.ids)

    @property
    def idle(self) -> bool:
        return not self._held

    def step(self) -> None:
        """Say one word about one work, or die."""
        if not self._held or self.jobs is None:
            return
        if self._dice.random() < 0.004:
            items = tuple(self._held)
            self._held.clear()
            self.version += 1
            self.jobs.lost(0, items, "The engine died.")
            return
        if self._over and self._dice.random() < 0.05:  # a stale word about what is over
            item = self._dice.choice(self._over[-50:])
            word = self._dice.choice((Cancelled(item), Started(item, 4), Image(item, self._data, "PNG")))
            self.jobs.report(0, word)
        item = self._dice.choice(list(self._held))
        self.jobs.report(0, self._next(item))

    def _next(self, item: str) -> Report:
        phase = self._held[item]
        self._held[item] = phase + 1
        if item in self._unwanted and phase < 4 and self._dice.random() < 0.5:
            del self._held[item]
            return Cancelled(item)
        if phase < 4 and self._dice.random() < 0.01:
            del self._held[item]
            return Failed(item, "The pencil broke.", retry=self._dice.random() < 0.5)
        if phase == 4:
            del self._held[item]
            self._over.append(item)
            return Done(item) if self._dice.random() < 0.9 else Cancelled(item)  # late, as no engine should
        words = (Loading(item, "m"), Started(item, 4), Progress(item, 1, 4), Image(item, self._data, "PNG"))
        return words[phase]


class Hammer:
    """Two users who cancel all the time, and a stranger who never does."""

    def __init__(self, jobs: Jobs, engine: Played, dice: random.Random) -> None:
        self.jobs = jobs
        self.engine = engine
        self.dice = dice
        self.told: dict[str, list[JobEvent]] = {}
        self.totals: dict[str, int] = {}
        self.cancels = 0
        self._asking: set[asyncio.Task[None]] = set()
        for user in ("ann", "bob", "stranger"):
            jobs.listen_to_user(user, lambda event: self.told.setdefault(event.job, []).append(event))

    async def go(self, cancels: int) -> None:
        while self.cancels < cancels:
            if len(self._asking) + len(self.jobs._floor.jobs) < 12:
                task = asyncio.create_task(self._ask())
                self._asking.add(task)
                task.add_done_callback(self._asking.discard)
            for _ in range(self.dice.randrange(4)):
                self.engine.step()
            if self.dice.random() < 0.7:
                self._cancel()
            for _ in range(self.dice.randrange(3)):
                await asyncio.sleep(0)
        while self._asking or not self.engine.idle or not self.jobs.counts().idle:
            self.engine.step()
            await asyncio.sleep(0)
        await self.jobs.settled()

    async def _ask(self) -> None:
        user = self.dice.choice(("ann", "bob", "stranger"))
        images = self.dice.randrange(1, 7)
        caller = Caller(user, f"{user}{self.dice.randrange(2)}" * 8, frozenset(), Limits(5, 32))
        asked = request(
            images=images,
            width=4,
            height=4,
            previews=False,
            path_format="[number]",
            continue_after_errors=self.dice.random() < 0.5,
        )
        job = await self.jobs.submit(asked, caller)
        self.totals[job.id] = images

    def _cancel(self) -> None:
        self.cancels += 1
        user = self.dice.choice(("ann", "bob"))
        jobs = list(self.jobs._floor.jobs.values())
        mine = [active.job for active in jobs if active.job.user == user]
        theirs = [active.job for active in jobs if active.job.user != user]
        way = self.dice.randrange(8)
        if way == 0 and theirs:
            assert self.jobs.interrupt(user=user, job=self.dice.choice(theirs).id) == 0
        elif way == 1:
            self.jobs.interrupt(user=user, session=f"{user}0" * 8)
        elif mine and way < 5:
            job = self.dice.choice(mine)
            self.jobs.interrupt(user=user, job=job.id, image=self.dice.randrange(len(job.pictures)))
        elif mine:
            self.jobs.interrupt(user=user, job=self.dice.choice(mine).id, stop=self.dice.choice(list(Stop)))


def check(hammer: Hammer, database: Path, outputs: Path) -> None:
    with sqlite3.connect(database) as db:
        rows = dict(db.execute("SELECT id, state FROM jobs").fetchall())
        made = dict(db.execute("SELECT id, made FROM jobs").fetchall())
        saved = set(db.execute('SELECT job, "index" FROM images').fetchall())
        paths = {(user, path) for user, path in db.execute('SELECT "user", path FROM images')}
    assert rows.keys() == hammer.told.keys() == hammer.totals.keys()
    for job, told in hammer.told.items():
        ends = [event for event in told if isinstance(event, Ended)]
        assert len(ends) == 1 and told[-1] is ends[0] and rows[job] == ends[0].state
        numbers = [event.number for event in told if event.number]
        assert sorted(set(numbers)) == list(range(1, max(numbers) + 1))
        finals = [(event.index, FINALS[type(event)]) for event in told if type(event) in FINALS]
        assert sorted(index for index, _ in finals) == list(range(hammer.totals[job]))
        done = {index for index, state in finals if state == "done"}
        assert done == {index for owner, index in saved if owner == job} and made[job] == len(done)
        if told[0].user == "stranger" and "failed" not in dict(finals).values():
            assert ends[0].state == "done"
    assert {(file.parent.name, file.name) for file in outputs.rglob("*.png")} == paths
    assert not [file for folder in outputs.glob("*/.pending") for file in folder.iterdir()]


async def hammered(tmp_path: Path, seed: int, cancels: int) -> Hammer:
    dice = random.Random(seed)
    store = await Store.open(tmp_path / "hub.sqlite3")
    media = Media(tmp_path / "outputs", store.images, "0")
    jobs, engine = Jobs(store, media), Played(dice)
    engine.jobs = jobs
    jobs.use(engine)
    await jobs.start()
    hammer = Hammer(jobs, engine, dice)
    await hammer.go(cancels)
    await jobs.stop()
    media.close()
    await store.close()
    check(hammer, tmp_path / "hub.sqlite3", tmp_path / "outputs")
    return hammer


@pytest.mark.parametrize("seed", range(3))
async def test_every_image_has_one_end_however_cancels_fall(tmp_path: Path, seed: int) -> None:
    hammer = await hammered(tmp_path, seed, 300)
    assert len(hammer.told) > 50 and hammer.engine.claims > 100


@pytest.mark.long
async def test_ten_thousand_cancels(tmp_path: Path) -> None:
    hammer = await hammered(tmp_path, 77, 10_000)
    assert hammer.cancels == 10_000 and hammer.engine.claims > 3000
