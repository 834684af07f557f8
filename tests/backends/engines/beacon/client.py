"""Speaks with the lighthouse: greets it with its password, then each line is a report or a command."""

import asyncio
import contextlib

import msgspec

from backends.contract import (
    Cancel,
    Cancelled,
    Command,
    Misconfigured,
    Offers,
    Ready,
    RemoteModel,
    Report,
    Submit,
    Surroundings,
    Unreachable,
)
from beacon.engine import BeaconSettings


class BeaconClient:
    """One connection a life. A work's prompt "stumble" is an error of this client itself."""

    def __init__(self, settings: BeaconSettings, surroundings: Surroundings) -> None:
        self._settings = settings
        self._around = surroundings
        self._writer: asyncio.StreamWriter | None = None
        self._asking: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        host, _, port = self._settings.address.partition(":")
        if not port:
            raise Misconfigured("The address of the lighthouse is missing; set Address.")
        try:
            reader, self._writer = await asyncio.open_connection(host, int(port))
        except OSError as error:
            raise Unreachable(f"Nobody answers at {self._settings.address}; start the lighthouse.") from error
        try:
            self._say(f"hello {self._settings.password} {self._around.engine} {self._around.server}")
            await self._read(reader)
        except asyncio.CancelledError:
            with contextlib.suppress(OSError):
                self._around.emit(Ready("after the end"))  # a late word, which must not count
            raise
        finally:
            self._writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        decoder = msgspec.json.Decoder(Report)
        while line := await reader.readline():
            if line == b"wrong\n":
                raise Misconfigured("The lighthouse does not know this password; set Password.")
            if line == b"burst\n":
                raise RuntimeError("a secret detail")
            if line == b"ready\n":
                models = (
                    RemoteModel("sea/wave.safetensors", "Stable-Diffusion"),
                    RemoteModel("a.st", "LoRA"),
                )
                self._around.emit(Offers(models))
                self._around.emit(Ready("lamp", ("variation_seed",), ("euler",), slots=3, servers=("far",)))
                continue
            self._around.emit(decoder.decode(line))
        raise Unreachable("The lighthouse has gone dark.")

    def handle(self, command: Command) -> None:
        match command:
            case Submit(work=work) if work.prompt == "stumble":
                raise ValueError("stumbled")
            case Submit(work=work) if work.prompt == "key":
                task = asyncio.get_running_loop().create_task(self._tell_key(work.user))
                self._asking.add(task)
                task.add_done_callback(self._asking.discard)
            case Cancel(ids=ids):
                for work_id in ids:
                    self._around.emit(Cancelled(work_id))
            case _:
                self._say(msgspec.json.encode(command).decode())

    async def _tell_key(self, user: str) -> None:
        self._say(f"key {await self._around.key(user, 'stability_api')}")

    def _say(self, text: str) -> None:
        if self._writer is not None:
            self._writer.write(text.encode() + b"\n")
