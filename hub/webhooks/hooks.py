"""Users' webhooks: their addresses, what is on its way to them, and the one task that sends it.

A delivery is a row before it is tried and until its outcome is written, so that a restart goes on with it; a
receiver may get one twice and knows it by its id.
"""

import asyncio
import ipaddress
import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec

from hub.errors import BadInput, HubError
from hub.jobs import Asked, Jobs, Unsubscribe
from hub.jobs.events import JobEvent
from hub.outside import Outside, Place, read_place
from hub.settings import Webhooks as Rules
from hub.store import DeliveryRow, Store, WebhookRow
from hub.webhooks.message import KINDS, TEST, body_of, headers_of, kind_of, secret_of, test_body
from hub.webhooks.schedule import Schedule, is_accepted, is_final, pause
from hub.webhooks.wanted import Wanted, read_wanted

AT_ONCE = 8
"""Webhooks that are being called at the same time."""
MOST_ERROR = 300
_log = logging.getLogger("hub.webhooks")


class Trial(msgspec.Struct, frozen=True):
    """What came of a trial: the answer's status (0: none), what was wrong or "", and how long it took."""

    status: int
    error: str
    milliseconds: int


class Hooks:
    """Every user's webhooks. `outside` keeps to the rule for addresses that users name; `address` is the
    hub's own as seen from elsewhere, or ""."""

    def __init__(
        self,
        rules: Rules,
        store: Store,
        jobs: Jobs,
        outside: Outside,
        keys: Path,
        address: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._rules = rules
        self._store = store
        self._jobs = jobs
        self._outside = outside
        self._key = _open_key(keys / "webhooks.key")
        self._address = address
        self._clock = clock
        self._hooks: dict[str, WebhookRow] = {}
        self._wanted: dict[str, Wanted] = {}
        self._listening: dict[str, Unsubscribe] = {}
        self._dropped: dict[str, int] = {}
        self._schedule = Schedule()
        self._wake = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None

    # ---- life --------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Take up what the last run left, and listen. Before the jobs start, so that nothing is missed."""
        for row in self._store.webhooks.all():
            self._take(row)
        for delivery, hook, _, due in self._store.webhooks.waiting():
            self._schedule.add(hook, due, delivery)
        self._task = asyncio.get_running_loop().create_task(self._run(), name="webhooks")

    async def stop(self) -> None:
        """Stop sending; what is not over goes on at the next start."""
        tasks = [*self._sending, *([self._task] if self._task else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._outside.close()

    # ---- what routes ask ---------------------------------------------------------------------------------

    def of(self, user: str) -> list[WebhookRow]:
        """A user's webhooks, oldest first."""
        return [row for row in self._hooks.values() if row.user == user]

    def dropped(self, hook: str) -> int:
        """Events since the start that were not sent because too many were waiting already."""
        return self._dropped.get(hook, 0)

    def waiting(self, hook: str) -> int:
        """Deliveries that wait for a try."""
        return self._schedule.waiting(hook)

    def wanted(self, hook: str) -> Wanted:
        """Which jobs a webhook is told of."""
        return self._wanted[hook]

    async def create(
        self, user: str, url: str, events: tuple[str, ...], only: Any = None
    ) -> tuple[WebhookRow, str]:
        """A new webhook and its secret, which is shown this once. `only` is the filter as it was sent.

        Raises BadInput, HubError.
        """
        if len(self.of(user)) >= self._rules.each_user:
            raise BadInput(
                f"You have {self._rules.each_user} webhooks, which is the most. Delete one first.",
                field="url",
                limit=self._rules.each_user,
            )
        unknown = [name for name in events if name not in KINDS.values()]
        if unknown:
            known = sorted(KINDS.values())
            raise BadInput(
                f"There is no event '{unknown[0][:80]}'. There are: {', '.join(known)}.",
                field="events",
                limit=known,
            )
        wanted = read_wanted(only)
        place = self._checked(url)
        row = WebhookRow(
            uuid4().hex,
            user,
            place.url,
            tuple(dict.fromkeys(events)) or tuple(KINDS.values()),
            int(self._clock() * 1000),
            msgspec.json.encode(wanted).decode(),
        )
        await self._store.webhooks.add(row)
        self._take(row)
        return row, secret_of(self._key, row.id)

    async def delete(self, user: str, hook: str) -> None:
        """Remove a webhook with all that was on its way. Raises HubError when the user has none such."""
        self.find(user, hook)
        del self._hooks[hook], self._wanted[hook]
        self._schedule.drop(hook)
        self._dropped.pop(hook, None)
        if not self.of(user):
            self._listening.pop(user)()
        await self._store.webhooks.delete(hook)

    async def forget(self, user: str) -> None:
        """Let go of the webhooks of a user whose account is gone; the store has no more of them."""
        for row in self.of(user):
            del self._hooks[row.id], self._wanted[row.id]
            self._schedule.drop(row.id)
            self._dropped.pop(row.id, None)
        listening = self._listening.pop(user, None)
        if listening is not None:
            listening()

    def find(self, user: str, hook: str) -> WebhookRow:
        """A webhook of the user. Raises HubError when there is none."""
        row = self._hooks.get(hook)
        if row is None or row.user != user:
            raise HubError("You have no webhook of that id.", field="webhook")
        return row

    async def test(self, user: str, hook: str) -> Trial:
        """Send a trial now, once, and tell what came of it. It appears in the log too."""
        row = self.find(user, hook)
        begun = self._clock()
        body = test_body(user, begun)
        at = int(begun * 1000)
        trial = DeliveryRow(uuid4().hex, hook, user, TEST, body, "waiting", 0, at, at)
        status, error = await self._try(row, trial)
        ended = int(self._clock() * 1000)
        state = "delivered" if is_accepted(status) else "failed"
        over = msgspec.structs.replace(
            trial, state=state, tries=1, finished=ended, status=status, error=error, body=None
        )
        await self._store.webhooks.send(over)
        await self._store.webhooks.finish(over)
        return Trial(status, error, ended - at)

    def log(self, user: str, hook: str, limit: int) -> list[DeliveryRow]:
        """The newest deliveries of a webhook, without their bodies."""
        self.find(user, hook)
        return self._store.webhooks.of_hook(hook, limit)

    def _checked(self, url: str) -> Place:
        """The place of an address, refused at once where its text already tells that it is not allowed."""
        place = read_place(url)
        self._outside.rule.check(place, redirected=False)
        with suppress(ValueError):
            self._outside.rule.check_addresses(place.host, [str(ipaddress.ip_address(place.host))])
        return place

    # ---- what happens ------------------------------------------------------------------------------------

    def _take(self, row: WebhookRow) -> None:
        self._hooks[row.id] = row
        self._wanted[row.id] = msgspec.json.decode(row.wanted, type=Wanted)
        if row.user not in self._listening:
            self._listening[row.user] = self._jobs.listen_to_user(row.user, self._hear, previews=False)

    def _hear(self, event: JobEvent) -> None:
        """An event of a user who has webhooks. Only puts it in line: nobody waits for a receiver."""
        kind = kind_of(event)
        if kind is None:
            return

        def asked() -> Asked | None:
            return self._jobs.asked(event.job, event.user, getattr(event, "index", None))

        concerned = [
            row
            for row in self.of(event.user)
            if kind in row.events and self._wanted[row.id].passes(event, asked)
        ]
        body = body_of(kind, event, self._address) if concerned else b""
        for row in concerned:
            if self._schedule.waiting(row.id) >= self._rules.waiting:
                self._dropped[row.id] = self._dropped.get(row.id, 0) + 1
                continue
            self._put(row, kind, body)

    def _put(self, row: WebhookRow, kind: str, body: bytes) -> None:
        now = int(self._clock() * 1000)
        delivery = DeliveryRow(uuid4().hex, row.id, row.user, kind, body, "waiting", 0, now, now)
        written = self._store.webhooks.send(delivery)
        written.add_done_callback(lambda done: self._written(delivery, done))

    def _written(self, delivery: DeliveryRow, done: "asyncio.Future[int]") -> None:
        if done.cancelled() or done.exception() is not None:
            _log.error("A delivery to the webhook %s could not be written", delivery.hook)
        elif done.result() and delivery.hook in self._hooks:
            self._schedule.add(delivery.hook, delivery.due, delivery.id)
            self._wake.set()

    # ---- sending -----------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            now = int(self._clock() * 1000)
            while len(self._sending) < AT_ONCE and (found := self._schedule.take(now)) is not None:
                task = asyncio.get_running_loop().create_task(self._deliver(*found))
                self._sending.add(task)
                task.add_done_callback(self._sent)
            due = self._schedule.next_due() if len(self._sending) < AT_ONCE else None
            seconds = None if due is None else max(0.0, due / 1000 - self._clock())
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), seconds)

    def _sent(self, task: "asyncio.Task[None]") -> None:
        self._sending.discard(task)
        self._wake.set()
        if not task.cancelled() and task.exception() is not None:
            _log.error("A webhook could not be sent", exc_info=task.exception())

    async def _deliver(self, hook: str, delivery: str) -> None:
        try:
            row = self._hooks.get(hook)
            found = self._store.webhooks.delivery(delivery)
            if row is None or found is None or found.body is None:
                return
            status, error = await self._try(row, found)
            await self._note(found, status, error)
        finally:
            self._schedule.free(hook)

    async def _note(self, delivery: DeliveryRow, status: int, error: str) -> None:
        """Write what came of a try; put it in line again where another one may help."""
        tries = delivery.tries + 1
        now = int(self._clock() * 1000)
        accepted = is_accepted(status)
        if accepted or is_final(status, tries, self._rules.tries):
            state = "delivered" if accepted else "failed"
            over = msgspec.structs.replace(
                delivery, state=state, tries=tries, finished=now, status=status, error=error
            )
            await self._store.webhooks.finish(over)
            return
        due = now + int(pause(tries, self._rules.retry_seconds) * 1000)
        await self._store.webhooks.postpone(delivery.id, due, tries, status, error)
        if delivery.hook in self._hooks:
            self._schedule.add(delivery.hook, due, delivery.id)

    async def _try(self, row: WebhookRow, delivery: DeliveryRow) -> tuple[int, str]:
        """One try: the answer's status, 0 for none, and what was wrong."""
        body = delivery.body or b""
        secret = secret_of(self._key, row.id)
        headers = headers_of(delivery.id, delivery.event, body, secret, int(self._clock()))
        try:
            status = await self._outside.post(
                read_place(row.url), body, headers, seconds=self._rules.answer_seconds
            )
        except HubError as refused:
            return 0, refused.text[:MOST_ERROR]
        return status, "" if is_accepted(status) else f"The receiver answered with the status {status}."


def _open_key(file: Path) -> bytes:
    """The key that the secrets are made from, written the first time; only its owner can read it."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with suppress(FileExistsError):
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(os.urandom(32))
    return file.read_bytes()
