"""A ComfyUI of our own: one life is one process, from its start to its end, spoken to as any other."""

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable

import httpx

from backends.comfyui_api.client import ComfyClient
from backends.comfyui_api.settings import ComfyApiSettings
from backends.comfyui_api.way import Way
from backends.comfyui_selfstart.child import Child, ended, start
from backends.comfyui_selfstart.plan import Plan, plan
from backends.comfyui_selfstart.settings import SelfStartSettings
from backends.comfyui_selfstart.updating import NotUpdated, update
from backends.contract import Command, Log, Misconfigured, Surroundings, Unreachable

_LOOK = 0.25
"""Seconds between two looks whether it answers yet."""

_UPDATES = 3600.0
"""Seconds between two updates, however often it is started again."""

_AFTER = 1.0
"""Seconds between a lost connection and the end of the process, when one brought the other."""


class SelfStartClient:
    """Starts ComfyUI, waits until it answers, and hands everything on to the client for its address.

    Where and with what it runs is decided anew for each life, so that a corrected file helps.
    """

    def __init__(self, settings: SelfStartSettings, surroundings: Surroundings) -> None:
        self._settings = settings
        self._around = surroundings
        self._inner: ComfyClient | None = None
        self._next_update = 0.0

    async def run(self) -> None:
        """One life of the process; see contract.Client."""
        try:
            planned = await asyncio.to_thread(plan, self._settings, os.environ)
        except Misconfigured:
            paths = f"StartScript is {self._settings.start_script!r}, Python {self._settings.python!r}"
            self._around.emit(Log("error", paths))  # for the administrator; the reason is for everybody
            raise
        await self._updated(planned)
        child = await start(planned, lambda line: self._around.emit(Log("info", line)))
        try:
            self._around.emit(Log("info", f"ComfyUI starts on port {child.port}"))
            address = f"http://127.0.0.1:{child.port}"
            await self._while_alive(child, answers(address))
            self._inner = ComfyClient(
                ComfyApiSettings(
                    address=address,
                    over_queue=self._settings.over_queue,
                    previews="auto" if self._settings.enable_previews else "none",
                ),
                self._around,
            )
            await self._while_alive(child, self._inner.run())
        finally:
            self._inner = None
            await child.end()

    async def _updated(self, planned: Plan) -> None:
        """Bring its folder up to date, when that is wanted and was not done lately."""
        now = time.monotonic()
        if self._settings.auto_update != "true" or now < self._next_update:
            return
        self._next_update = now + _UPDATES
        try:
            log = Log("info", f"ComfyUI's folder: {await update(planned.folder, planned.environment)}.")
        except NotUpdated as why:
            log = Log("warning", f"ComfyUI was not updated, and starts as it is: {why}.")
        self._around.emit(log)

    async def _while_alive(self, child: Child, doing: Awaitable[None]) -> None:
        """Do this, unless the process ends first. Raises Unreachable then, or Misconfigured when it is not
        to be started again.
        """
        task = asyncio.ensure_future(doing)
        try:
            await asyncio.wait({task, child.gone}, return_when=asyncio.FIRST_COMPLETED)
            if not child.gone.done():
                return await self._result(child, task)
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Unreachable, Misconfigured):
                await task
        raise self._told(child)

    def _told(self, child: Child) -> Unreachable | Misconfigured:
        """Why there is no process any more."""
        told = ended(child.gone.result())
        if self._settings.auto_restart:
            return told
        return Misconfigured(f"{told} AutoRestart is off: restart the engine when it is mended.")

    async def _result(self, child: Child, task: asyncio.Future[None]) -> None:
        try:
            return await task
        except Unreachable:
            # a process that dies takes the connection with it: its death says more
            await asyncio.wait({child.gone}, timeout=_AFTER)
            if not child.gone.done():
                raise
        raise self._told(child)

    def handle(self, command: Command) -> None:
        """Take a command without waiting."""
        if self._inner is not None:
            self._inner.handle(command)

    def way(self) -> Way | None:
        """The way to the server itself, None while it does not answer."""
        return self._inner.way() if self._inner is not None else None


async def answers(address: str) -> None:
    """Wait until a ComfyUI answers at this address of our own machine."""
    async with httpx.AsyncClient(base_url=address, timeout=5.0, trust_env=False, verify=False) as http:  # noqa: S501
        while True:
            with contextlib.suppress(httpx.TransportError):
                if (await http.get("/system_stats")).status_code == httpx.codes.OK:
                    return
            await asyncio.sleep(_LOOK)
