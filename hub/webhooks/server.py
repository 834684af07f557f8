"""The server's own webhooks, set by who runs it: what begins and ends, and every picture (swarm-api §12).

Sent once, unsigned. Only the start and the end of the queue and the end of the server are waited for, each at
most as long as the settings say.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any
from uuid import uuid4

from hub.errors import HubError
from hub.jobs import Jobs, Over
from hub.media import Finished, Saved, tag
from hub.outside import Outside, read_place
from hub.settings import Webhooks as Rules
from hub.webhooks.gate import Gate, Say
from hub.webhooks.schedule import is_accepted
from hub.webhooks.template import Body, Lookup, Picture, body_of

AT_ONCE = 8
MOST_WAITING = 256
"""Calls about pictures that may wait; they hold the pictures themselves, so there must be a bound."""

ENDINGS = {"JPG": "jpg", "WEBP": "webp", "WEBP_LOSSLESS": "webp"}
_log = logging.getLogger("hub.webhooks")


class ServerHooks:
    """Looks on at the jobs. `address` is the hub's own as seen from elsewhere."""

    def __init__(self, rules: Rules, jobs: Jobs, outside: Outside, address: str) -> None:
        self._rules = rules
        self._jobs = jobs
        self._outside = outside
        self._address = address.rstrip("/")
        self._gate = Gate()
        self._places = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def _gated(self) -> bool:
        """Whether the start and the end of the queue are told of, so that images wait for answers."""
        return bool(self._rules.queue_start or self._rules.queue_end)

    def rules_changed(self) -> None:
        """Addresses were set or taken away: nobody waits for the answer of one that is gone."""
        if not self._gated:
            self._gate = Gate()
            self._jobs.go_on()

    def start(self) -> None:
        """Tell that the server has started."""
        self._spawn(self._call(self._rules.server_start, self._plain(self._rules.server_start_data)))

    async def stop(self) -> None:
        """Tell that the server stops and wait for the answer; then for what is still on its way."""
        await self._call(self._rules.server_shutdown, self._plain(self._rules.server_shutdown_data))
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=self._rules.answer_seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._outside.close()

    # ---- what the jobs tell ------------------------------------------------------------------------------

    def may_start(self) -> bool:
        """Whether an image may go to an engine now; the first one waits for the start's answer."""
        if not self._gated:
            return True
        self._do(self._gate.wants())
        return self._gate.is_open

    def pictured(self, finished: Finished, saved: Saved) -> None:
        """A picture is final."""
        rules = self._rules
        if not (rules.every_gen or rules.manual_gen):
            return
        chosen = finished.request.given.get("webhooks", "Normal")
        hooks = []
        if chosen != "None":
            hooks.append((rules.every_gen, rules.every_gen_data))
        if chosen == "Manual":
            hooks.append((rules.manual_gen, rules.manual_gen_data))
        ending = ENDINGS.get(finished.request.format, "png")
        picture = Picture(finished.image.data, ending)

        def lookup(name: str) -> str | None:
            if name == "image":
                return saved.url if saved.url.startswith("data:") else f"{self._address}/{saved.url}"
            return tag(name, finished.request, finished.work, finished.occasion)

        for url, template in hooks:
            self._send(url, template, lookup, picture)

    def ended(self, over: Over) -> None:
        """A job has ended."""
        if over.made and over.request.given.get("webhooks") == "Manual At End":

            def lookup(name: str) -> str | None:
                return "" if name == "image" else tag(name, over.request, over.work, over.occasion)

            self._send(self._rules.manual_gen, self._rules.manual_gen_data, lookup, None)
        if self._gated and self._is_empty():
            self._do(self._gate.empty())

    # ---- the queue's begin and end -----------------------------------------------------------------------

    def _is_empty(self) -> bool:
        return not self._jobs.figures().jobs

    def _do(self, say: Say) -> None:
        if say is Say.START:
            if self._rules.queue_start:
                self._spawn(self._ask(self._rules.queue_start, self._rules.queue_start_data))
            else:
                self._gate.answered(empty=False)
        elif say is Say.END:
            self._spawn(self._ask(self._rules.queue_end, self._rules.queue_end_data))
        elif say is Say.DELAY:
            asyncio.get_running_loop().call_later(self._rules.queue_end_delay, self._quiet, self._gate.number)
        elif say is Say.PUMP:
            self._jobs.go_on()

    def _quiet(self, number: int) -> None:
        self._do(self._gate.quiet(number, self._is_empty()))

    async def _ask(self, url: str, template: str) -> None:
        try:
            await self._call(url, self._plain(template))
        finally:
            self._do(self._gate.answered(self._is_empty()))

    # ---- sending -----------------------------------------------------------------------------------------

    def _plain(self, template: str) -> Body:
        return body_of(template, lambda name: None, None, uuid4().hex)

    def _send(self, url: str, template: str, lookup: Lookup, picture: Picture | None) -> None:
        if not url:
            return
        if len(self._tasks) >= MOST_WAITING:
            _log.warning("The webhook %s is too slow: a picture is not told of", url)
            return
        self._spawn(self._call_in_turn(url, body_of(template, lookup, picture, uuid4().hex)))

    def _spawn(self, calling: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(calling)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _call_in_turn(self, url: str, body: Body) -> None:
        async with self._places:
            await self._call(url, body)

    async def _call(self, url: str, body: Body) -> None:
        if not url:
            return
        headers = {"Content-Type": body.kind}
        try:
            status = await self._outside.post(
                read_place(url), body.data, headers, seconds=self._rules.wait_seconds
            )
        except HubError as refused:
            _log.warning("The webhook %s was not told: %s", url, refused.text)
        else:
            if not is_accepted(status):
                _log.warning("The webhook %s answered with the status %d", url, status)
