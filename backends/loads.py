"""Loads that somebody waits for: a ticket each, until the engine answers."""

import asyncio
from collections.abc import Callable
from uuid import uuid4

from backends.contract import Command, Load, Loaded, LoadFailed, ModelRef


class EngineTrouble(Exception):
    """An engine or model cannot be used; the text is a sentence for the user."""


class Loads:
    """The tickets of one engine."""

    def __init__(self) -> None:
        self._waiters: dict[str, asyncio.Future[None]] = {}

    async def ask(self, send: Callable[[Command], None], model: ModelRef) -> None:
        """Have a model brought into memory and wait for it; raises EngineTrouble with the reason."""
        ticket = uuid4().hex
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters[ticket] = waiter
        try:
            send(Load(ticket, model))
            await waiter
        finally:
            self._waiters.pop(ticket, None)

    def answered(self, report: Loaded | LoadFailed) -> None:
        """The engine's answer to one of them."""
        waiter = self._waiters.get(report.ticket)
        if waiter is None or waiter.done():
            return
        if isinstance(report, LoadFailed):
            waiter.set_exception(EngineTrouble(report.reason))
        else:
            waiter.set_result(None)

    def fail(self, reason: str) -> None:
        """None of them will be answered any more."""
        for waiter in self._waiters.values():
            if not waiter.done():
                waiter.set_exception(EngineTrouble(reason))
