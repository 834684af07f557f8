"""The client of a hosted service: one task for each picture, every one ended by exactly one report."""

import asyncio
import time

from backends.contract import (
    Alive,
    Cancel,
    Cancelled,
    Command,
    Done,
    Failed,
    Image,
    Load,
    Loaded,
    LoadFailed,
    Log,
    Offers,
    Pong,
    Progress,
    Ready,
    Started,
    Submit,
    Surroundings,
    Unreachable,
    Watch,
    Work,
)
from backends.hosted.calls import Line
from backends.hosted.picture import fit, preview
from backends.hosted.refused import Away, Refused
from backends.hosted.service import Service, no_key

_BEAT = 2.0
"""Seconds between two signs of life: a picture may take minutes without a word."""

_MOST_PAUSING = 64
"""Pictures that wait for a limit of their users' keys and count as none that is asked for."""


class HostedClient:
    """Serves works through one service; see contract.Client."""

    def __init__(self, service: Service, surroundings: Surroundings) -> None:
        self._service = service
        self._around = surroundings
        self._names: tuple[str, ...] = ()
        self._line: Line | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._unwatched: set[str] = set()  # works whose previews nobody looks at
        self._pausing = 0
        self._away = ""  # why nobody was reached when last tried

    async def run(self) -> None:
        """One life; see contract.Client."""
        service, settings = self._service, self._service.settings
        models = service.models()
        self._names, self._away = tuple(model.name for model in models), ""
        line = self._line = Line(
            service.name,
            service.address,
            with_keys=bool(service.key_kind),
            places=settings.slots,
            seconds=settings.timeout_seconds,
            patience=settings.retry_seconds,
        )
        try:
            await self._knock(line)
            self._around.emit(Offers(models))
            self._announce()
            while not (self._away and not self._tasks):
                self._around.emit(Pong(0))
                for work in tuple(self._tasks):  # each has a limit of its own, and asking twice costs twice
                    self._around.emit(Alive(work))
                await asyncio.sleep(_BEAT)
            raise Unreachable(self._away)
        finally:
            await self._leave()
            await line.close()

    async def _knock(self, line: Line) -> None:
        try:
            await line.knock(self._service.knock)
        except Away as nobody:
            raise Unreachable(nobody.reason) from nobody

    async def _leave(self) -> None:
        """End every task; what they held counts as lost."""
        self._line = None
        tasks, self._tasks = list(self._tasks.values()), {}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def handle(self, command: Command) -> None:
        """Take a command without waiting; there is nothing to free."""
        match command:
            case Submit(work=work):
                task = self._tasks[work.id] = asyncio.get_running_loop().create_task(self._serve(work))
                task.add_done_callback(lambda task: self._cut_off(work, task))
            case Cancel(ids=ids):
                for work_id in ids:
                    if (serving := self._tasks.get(work_id)) is not None:
                        serving.cancel()
            case Watch(ids=ids, watched=watched):
                known = self._tasks.keys() & set(ids)
                self._unwatched = self._unwatched - known if watched else self._unwatched | known
            case Load(ticket=ticket, model=model):
                if model.name in self._names:
                    self._around.emit(Loaded(model.name, self._names, ticket))
                else:
                    reason = f"{self._service.name} has no model {model.name}."
                    self._around.emit(LoadFailed(model.name, reason, ticket))
            case _:
                pass

    async def _serve(self, work: Work) -> None:
        try:
            image = await self._draw(work)
        except Refused as refused:
            about = {"field": refused.field} if refused.field else {}
            self._end(work, Failed(work.id, refused.reason, retry=refused.retry, extra=about))
        except Exception as error:
            # without the error's text: it may quote a request, and so a key
            self._around.emit(Log("error", f"{self._service.name}: {type(error).__name__} in a picture"))
            reason = f"{self._service.name} answered with something that is not understood here."
            self._end(work, Failed(work.id, reason))
        else:
            self._end(work, image, Done(work.id))

    def _end(self, work: Work, *reports: Image | Done | Failed | Cancelled) -> None:
        self._unwatched.discard(work.id)
        if self._tasks.pop(work.id, None) is None:
            return  # the life is over, the work was lost with it
        for report in reports:
            self._around.emit(report)

    def _cut_off(self, work: Work, task: asyncio.Task[None]) -> None:
        """Not in the task itself: one that is cancelled before its first step never runs."""
        if task.cancelled():
            self._end(work, Cancelled(work.id))

    async def _draw(self, work: Work) -> Image:
        service, line = self._service, self._line
        if line is None or work.model.name not in self._names:
            raise Refused(f"Model: {service.name} has none named {work.model.name}.", field="model")
        service.check(work)
        key = await self._key(work)
        call = await asyncio.to_thread(service.call, work)
        self._around.emit(Started(work.id, call.steps))
        begun = time.monotonic()

        async def hear(event: bytes) -> None:
            if (seen := await asyncio.to_thread(service.glimpse, event)) is not None:
                shown = None if work.id in self._unwatched else await asyncio.to_thread(preview, seen[1])
                self._around.emit(Progress(work.id, min(seen[0], call.steps), call.steps, shown))

        try:
            answer = await line.ask(call, key, service.busy, self._pause, hear)
        except Away as nobody:
            self._away = nobody.reason
            raise
        self._away = ""
        drawn = await asyncio.to_thread(service.read, answer, key)
        seconds = time.monotonic() - begun
        fitted = await asyncio.to_thread(fit, drawn.data, work, service.name, call.finish)
        notes = {**call.notes, **drawn.notes}
        if fitted.words:
            notes["drawn_size"] = f"{fitted.drawn[0]}x{fitted.drawn[1]}"
            notes["fitted"] = fitted.words
        return Image(work.id, fitted.data, work.format, 0.0, seconds, notes)

    async def _key(self, work: Work) -> str:
        service = self._service
        if not service.key_kind:
            return ""
        try:
            key = await self._around.key(work.user, service.key_kind)
        except Exception as unreadable:
            raise Refused(
                f"Your key for {service.name} cannot be read any more; store it again "
                f"(SetAPIKey with the key type {service.key_kind})."
            ) from unreadable
        if not key:
            raise no_key(service.name, service.key_kind, work.model.name)
        if not key.isascii() or not key.isprintable() or " " in key:
            raise Refused(
                f"Your stored key for {service.name} has characters that no key has; store it again "
                f"(SetAPIKey with the key type {service.key_kind})."
            )
        return key

    async def _pause(self, seconds: float) -> None:
        """Wait as the service asks: it is the limit of one user's key, and the others take the place."""
        text = f"{self._service.name} asks for patience: trying again in {seconds:.1f} s"
        self._around.emit(Log("info", text))
        self._pausing += 1
        self._announce()
        try:
            await asyncio.sleep(seconds)
        finally:
            self._pausing -= 1
            if self._line is not None:
                self._announce()

    def _announce(self) -> None:
        """How many pictures are taken now."""
        slots = self._service.settings.slots
        self._around.emit(Ready(device=self._service.name, slots=slots + min(self._pausing, _MOST_PAUSING)))
