"""The way from a shell to the running hub: a port of this machine, and a secret in a file for its owner only.

Who can read that file can read and write the database beside it as well, so the secret gives nothing that
they do not have. Going through the hub keeps what it holds in memory true: a role changed from the shell is
changed in every open session.
"""

import asyncio
import hmac
import json
import logging
import os
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from hub.accounts import Accounts
from hub.shell.commands import Command, Told, carry_out

FILE = "shell.json"
"""In the folder of keys, while the hub runs."""

LONGEST = 1 << 16  # bytes of a command
_PATIENCE_S = 10.0
_ANSWER_S = 60.0
_STARTING_S = 10.0  # how long a hub that starts or stops may be without its file
_log = logging.getLogger(__name__)


class NoLine(Exception):
    """The running hub cannot be reached; the text says what to do."""


class _Call(Struct, frozen=True):
    """A command with the proof that it may be given."""

    secret: str
    command: Command


@asynccontextmanager
async def open_line(keys: Path, accounts: Accounts) -> AsyncIterator[None]:
    """Take commands until left."""
    secret = secrets.token_hex(32)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                call = msgspec.json.decode(await reader.readline(), type=_Call)
            if not hmac.compare_digest(call.secret.encode(), secret.encode()):
                return
            writer.write(msgspec.json.encode(await carry_out(call.command, accounts)) + b"\n")
            await writer.drain()
        except (msgspec.MsgspecError, OSError, TimeoutError, ValueError) as wrong:
            _log.debug("a call on the shell's line was none: %s", type(wrong).__name__)
        except Exception:
            _log.exception("a command of the shell broke")
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=LONGEST)
    file = keys / FILE
    try:
        _write(file, json.dumps({"port": server.sockets[0].getsockname()[1], "secret": secret}))
        yield
    finally:
        file.unlink(missing_ok=True)
        server.close()


def _write(file: Path, text: str) -> None:
    """Readable by nobody else from its first byte on, and never seen half."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = file.with_suffix(".new")
    beside.unlink(missing_ok=True)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
    beside.replace(file)


async def ask(keys: Path, command: Command) -> Told:
    """Have the hub that runs carry a command out. Raises NoLine."""
    until = time.monotonic() + _STARTING_S
    while True:
        with suppress(OSError, ValueError, KeyError, TypeError):
            found = json.loads((keys / FILE).read_text("utf-8"))
            reader, writer = await asyncio.open_connection("127.0.0.1", int(found["port"]), limit=1 << 24)
            return await _talk(reader, writer, _Call(str(found["secret"]), command))
        if time.monotonic() > until:
            raise NoLine(
                f"A hub holds this data folder, but {keys / FILE} leads to none that answers: it is starting "
                "or stopping, or belongs to another user of this machine. Try again as that user."
            )
        await asyncio.sleep(0.1)


async def _talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, call: _Call) -> Told:
    try:
        writer.write(msgspec.json.encode(call) + b"\n")
        await writer.drain()
        async with asyncio.timeout(_ANSWER_S):
            line = await reader.readline()
    except TimeoutError:
        raise NoLine("The hub has not answered in time. Look whether the command took effect.") from None
    finally:
        writer.close()
    try:
        return msgspec.json.decode(line, type=Told)
    except msgspec.MsgspecError:
        raise NoLine("The hub gave no answer. Its log may tell why.") from None
