"""Starts a worker process with one end of a private socket, and ends it.

POSIX: a socket pair, one end inherited. Windows: a loopback listener that takes one connection which must
begin with a secret given through the environment (a command line can be read by others).
"""

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from backends.contract import KEEP
from backends.cores import engine_threads

ROOT = Path(__file__).resolve().parent.parent
SECRET = "HUB_WORKER_SECRET"  # noqa: S105 - the variable's name
_BUFFER = 1 << 22


class SpawnOptions(Struct, frozen=True):
    """How a worker runs. `threads` 0 means as many as fit the machine; `nice` is added to its priority
    number; `downloads` lets its libraries fetch from the internet; `loopback` takes the way Windows takes,
    anywhere; `keep` is the folder where it may keep what it has learned ("": nowhere).
    """

    threads: int = 0
    nice: int = 0
    downloads: bool = False
    loopback: bool = sys.platform == "win32"
    keep: str = ""


class Spawned:
    """A started worker: its process, its socket and the task that reads what it prints."""

    def __init__(self, process: asyncio.subprocess.Process, transport: asyncio.Transport) -> None:
        self.process = process
        self.transport = transport
        self._tasks: set[asyncio.Task[None]] = set()

    def keep(self, task: asyncio.Task[None]) -> None:
        """Hold a task that lives as long as this worker."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def kill(self) -> None:
        """End the process now; no matter when it is already gone."""
        if self.process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            if os.name == "posix":
                # Not process.kill(): that looks first whether it lives, which takes the exit code of one just
                # dead away from asyncio's watcher; its death would then be told as "exit code 255".
                os.kill(self.process.pid, signal.SIGKILL)
            else:
                self.process.kill()

    async def wait(self) -> int | None:
        """Its exit code, once it is gone and everything it printed is read; None if it cannot be ended."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                code = await self.process.wait()
                readers = [task for task in self._tasks if task is not asyncio.current_task()]
                await asyncio.wait(readers, timeout=1) if readers else None
                return code
        return None

    async def end(self, seconds: float) -> None:
        """Wait for its orderly end (its socket is closed by now), then kill it."""
        try:
            async with asyncio.timeout(seconds):
                await self.process.wait()
        except TimeoutError:
            self.kill()
            await self.process.wait()
        for task in list(self._tasks):
            task.cancel()


async def spawn(
    options: SpawnOptions, protocol: Callable[[], asyncio.BufferedProtocol], printed: Callable[[str], None]
) -> Spawned:
    """Start `python -m backends.worker`; `printed` gets each line it prints. Raises OSError."""
    if options.loopback:
        return await _over_loopback(options, protocol, printed)
    ours, theirs = socket.socketpair()
    with theirs:
        for end in (ours, theirs):
            _widen(end)
        try:
            process = await _run(options, ["--fd", str(theirs.fileno())], (theirs.fileno(),), {})
        except BaseException:
            ours.close()
            raise
    return await _joined(process, ours, protocol, printed)


async def _over_loopback(
    options: SpawnOptions, protocol: Callable[[], asyncio.BufferedProtocol], printed: Callable[[str], None]
) -> Spawned:
    loop = asyncio.get_running_loop()
    secret = secrets.token_hex(16)
    with socket.create_server(("127.0.0.1", 0), backlog=1) as listener:
        listener.setblocking(False)
        port = listener.getsockname()[1]
        process = await _run(options, ["--port", str(port)], (), {SECRET: secret})
        while True:
            ours, _ = await loop.sock_accept(listener)
            ours.setblocking(False)
            if secrets.compare_digest(await _received(loop, ours, len(secret)), secret.encode()):
                break
            ours.close()
    ours.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return await _joined(process, ours, protocol, printed)


async def _received(loop: asyncio.AbstractEventLoop, sock: socket.socket, count: int) -> bytes:
    data = b""
    with contextlib.suppress(TimeoutError, OSError):
        async with asyncio.timeout(2):
            while len(data) < count:
                more = await loop.sock_recv(sock, count - len(data))
                if not more:
                    break
                data += more
    return data


async def _run(
    options: SpawnOptions, arguments: list[str], inherited: tuple[int, ...], variables: dict[str, str]
) -> asyncio.subprocess.Process:
    posix = {"pass_fds": inherited, "start_new_session": True} if os.name == "posix" else {}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "backends.worker",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=str(ROOT),
        env=_environment(options) | variables,
        limit=1 << 20,
        **posix,  # type: ignore[arg-type]
    )


def _environment(options: SpawnOptions) -> dict[str, str]:
    """What native libraries read when they are loaded."""
    threads = str(engine_threads(options.threads))
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    offline = {} if options.downloads else {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    return {
        # waiting threads spin shortly, then sleep: for ever starves a busy machine, not at all costs a tenth
        "GOMP_SPINCOUNT": "20000",
        **os.environ,
        **dict.fromkeys(names, threads),
        **offline,
        KEEP: options.keep,
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "TRANSFORMERS_VERBOSITY": "error",
        "DIFFUSERS_VERBOSITY": "error",
        "PYTHONPATH": path,
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8:replace",
    }


async def _joined(
    process: asyncio.subprocess.Process,
    ours: socket.socket,
    protocol: Callable[[], asyncio.BufferedProtocol],
    printed: Callable[[str], None],
) -> Spawned:
    transport, _ = await asyncio.get_running_loop().create_connection(protocol, sock=ours)
    spawned = Spawned(process, transport)
    if process.stdout is not None:
        spawned.keep(asyncio.get_running_loop().create_task(_read_lines(process.stdout, printed)))
    return spawned


async def _read_lines(output: asyncio.StreamReader, printed: Callable[[str], None]) -> None:
    while True:
        try:
            line = await output.readline()
        except ValueError:  # a line over the limit: its rest follows
            continue
        if not line:
            return
        text = line.decode(errors="replace").rstrip()
        if text:
            printed(text)


def _widen(end: socket.socket) -> None:
    """Room for a few pictures, so that a worker seldom waits for the hub."""
    for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        with contextlib.suppress(OSError):
            end.setsockopt(socket.SOL_SOCKET, option, _BUFFER)
