"""Fairness through the whole jobs room: who gets the next free place of a busy engine."""

from collections.abc import Sequence
from pathlib import Path

from backends.contract import Command, Done, EngineState, EngineType, Image, Started, Submit, Work
from hub.accounts.caller import Caller, Limits
from hub.jobs import Jobs
from hub.media import Media
from hub.store import Store
from permissions import Quotas
from tests.hub.jobs.test_races import png
from tests.hub.media.samples import request


class Desk:
    """An engine with some places; the test says when a work is done."""

    version = 0

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.taken: list[Work] = []
        self.held: list[Work] = []

    def states(self) -> Sequence[EngineState]:
        return (EngineState(0, "desk", "Desk", "running", slots=self.slots),)

    def types(self) -> Sequence[EngineType]:
        return ()

    def send(self, engine_id: int, command: Command) -> None:
        if isinstance(command, Submit):
            self.taken.append(command.work)
            self.held.append(command.work)


ANYTHING = Quotas()


def caller(user: str, quotas: Quotas) -> Caller:
    return Caller(user, user * 8, frozenset(), Limits(5, 32, quotas=quotas))


class Room:
    """Jobs with a desk, and a store that is really there."""

    def __init__(self, store: Store, folder: Path, slots: int) -> None:
        self.desk = Desk(slots)
        self.jobs = Jobs(store, Media(folder / "outputs", store.images, "0"))
        self.jobs.use(self.desk)

    async def ask(self, user: str, images: int = 1, quotas: Quotas = ANYTHING) -> str:
        asked = request(images=images, width=4, height=4, save=False)
        return (await self.jobs.submit(asked, caller(user, quotas))).id

    async def finish_one(self) -> None:
        """The oldest work at the desk gets done; its place is free."""
        work = self.desk.held.pop(0)
        for report in (Started(work.id, 4), Image(work.id, png(), "PNG"), Done(work.id)):
            self.jobs.report(0, report)
        await self.jobs._reports.finish()


async def test_ten_users_with_one_image_beside_one_with_five_hundred(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "hub.sqlite3")
    room = Room(store, tmp_path, 1)
    await room.ask("many", 500)
    for _ in range(5):
        await room.finish_one()
    for number in range(10):
        await room.ask(f"one{number}")
    before = len(room.desk.taken)
    for _ in range(11):
        await room.finish_one()
    served = [work.user for work in room.desk.taken[before : before + 11]]
    assert sum(user.startswith("one") for user in served) == 10
    await room.jobs.stop()
    await store.close()


async def test_whoever_draws_enough_at_once_waits_and_nobody_behind_does(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "hub.sqlite3")
    room = Room(store, tmp_path, 4)
    for _ in range(2):
        await room.ask("narrow", 4, Quotas(images_at_once=2))
    assert [work.user for work in room.desk.taken] == ["narrow"] * 2
    await room.ask("other", 3)
    assert [work.user for work in room.desk.held] == ["narrow"] * 2 + ["other"] * 2
    for _ in range(9):
        await room.finish_one()
        assert sum(work.user == "narrow" for work in room.desk.held) <= 2
    assert len(room.desk.taken) == 11
    await room.jobs.stop()
    await store.close()


async def test_the_place_told_is_the_place_had(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "hub.sqlite3")
    room = Room(store, tmp_path, 1)
    for user, images in (("a", 6), ("b", 3), ("a", 2), ("c", 1), ("b", 1)):
        await room.ask(user, images)
    told: dict[str, int] = {}
    for user in "abc":
        told |= {view.job: view.ahead for view in room.jobs.views(user) if view.ahead is not None}
    begun = len(room.desk.taken)
    while room.desk.held:
        await room.finish_one()
    order = [work.id.partition(":")[0] for work in room.desk.taken[begun:]]
    assert told == {job: order.index(job) for job in told} and len(told) == 5
    await room.jobs.stop()
    await store.close()
