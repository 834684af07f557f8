"""The shell of a worker process: `python -m backends.worker`, started only by the hub.

The control thread (the main one) reads commands and hands them to the engine's Drawer, which only sets
flags. Reports may come from any thread. The process ends when the hub's socket ends: a worker never
outlives its hub.
"""

import argparse
import contextlib
import faulthandler
import importlib
import os
import select
import signal
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from backends.contract import Broken, Drawer, Emit, EngineType, Ping, Pong, Report
from backends.discover import read_engine
from backends.engine_settings import read_settings
from backends.frames import Begin, FrameReader, decode_begin, decode_command, pack
from backends.spawn import SECRET

_STOP_SECONDS = 2.5
_LOOK_SECONDS = 0.1
_DIRECT = getattr(socket, "MSG_DONTWAIT", 0)


class Outlet:
    """Sends reports from any thread without ever waiting for the hub.

    A report goes straight to the socket while that has room; what does not fit is sent by a thread of its
    own.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._lock = threading.Lock()
        self._backlog: deque[memoryview] = deque()
        self._more = threading.Condition(self._lock)
        self._closed = False
        threading.Thread(target=self._send_backlog, name="reports", daemon=True).start()

    def emit(self, report: Report) -> None:
        """Send one report; order is kept."""
        rest = memoryview(pack(report))
        with self._lock:
            if self._closed:
                return
            if _DIRECT and not self._backlog:
                rest = self._send_now(rest)
            if rest:
                self._backlog.append(rest)
                self._more.notify()

    def flush(self, seconds: float) -> None:
        """Wait until everything is out, at most so long."""
        until = time.monotonic() + seconds
        while self._backlog and not self._closed and time.monotonic() < until:
            time.sleep(0.01)

    def _send_now(self, data: memoryview) -> memoryview:
        try:
            while data:
                data = data[self._sock.send(data, _DIRECT) :]
        except BlockingIOError:
            pass
        except OSError:
            self._closed = True
            return data[:0]
        return data

    def _send_backlog(self) -> None:
        while True:
            with self._lock:
                while not self._backlog:
                    self._more.wait()
                data = self._backlog[0]
            try:
                self._sock.sendall(data)
            except OSError:
                self._closed = True
                return
            with self._lock:
                self._backlog.popleft()


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve one engine until the hub's socket ends."""
    faulthandler.enable()
    with contextlib.suppress(ValueError, OSError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    sock = _connect(arguments)
    outlet = Outlet(sock)
    drawer: Drawer | None = None

    def take(body: memoryview) -> None:
        nonlocal drawer
        if drawer is None:
            with _leaving_with(sock):
                drawer = _start_drawer(decode_begin(body), outlet.emit)
            return
        command = decode_command(body)
        if isinstance(command, Ping):
            outlet.emit(Pong(command.number))
        else:
            drawer.handle(command)

    try:
        _read(sock, take)
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201 - the hub reads it as a log line
        outlet.emit(Broken(str(error) or type(error).__name__))
        outlet.flush(_STOP_SECONDS)
        _leave(None, 1)
    _leave(drawer, 0)


def _connect(arguments: Sequence[str] | None) -> socket.socket:
    parser = argparse.ArgumentParser(prog="backends.worker")
    way = parser.add_mutually_exclusive_group(required=True)
    way.add_argument("--fd", type=int, help="inherited socket")
    way.add_argument("--port", type=int, help="loopback port of the hub; the secret is in the environment")
    given = parser.parse_args(arguments)
    if given.fd is not None:
        return socket.socket(fileno=given.fd)
    sock = socket.create_connection(("127.0.0.1", given.port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(os.environ.pop(SECRET).encode())
    return sock


def _read(sock: socket.socket, take: Callable[[memoryview], None]) -> None:
    reader = FrameReader(take)
    while True:
        try:
            count = sock.recv_into(reader.buffer())
        except OSError:
            return
        if not count:
            return
        reader.received(count)


@contextlib.contextmanager
def _leaving_with(sock: socket.socket) -> Iterator[None]:
    """End the process at once when the hub's socket ends meanwhile: importing native code takes seconds, and
    nobody reads the socket in that time.
    """
    started = threading.Event()

    def watch() -> None:
        while not started.is_set():
            readable, _, _ = select.select([sock], [], [], _LOOK_SECONDS)
            if readable and not started.is_set():
                if not _is_open(sock):
                    os._exit(0)
                started.wait(_LOOK_SECONDS)  # a command that is read once the drawer has started

    threading.Thread(target=watch, name="start", daemon=True).start()
    try:
        yield
    finally:
        started.set()


def _is_open(sock: socket.socket) -> bool:
    try:
        return bool(sock.recv(1, socket.MSG_PEEK))
    except OSError:
        return False


def _start_drawer(begin: Begin, emit: Emit) -> Drawer:
    """Find the engine, decode its settings, start it; whatever goes wrong here is why the engine cannot
    start.
    """
    if begin.nice and hasattr(os, "nice"):
        with contextlib.suppress(OSError):
            os.nice(begin.nice)
    folder = Path(begin.folder)
    if begin.outside:
        # under its own package name, so that the drawer's module and its settings are the same classes
        sys.path.append(str(folder.parent))
        kind: EngineType = importlib.import_module(f"{folder.name}.engine").ENGINE
    else:
        kind = read_engine(folder).type
    settings = read_settings(kind, begin.settings)
    module, _, name = kind.drawer.partition(":")
    drawer: Drawer = getattr(importlib.import_module(module), name)(settings, emit)
    drawer.start()
    return drawer


def _leave(drawer: Drawer | None, code: int) -> None:
    """End the process, also when native code hangs: a thread may stop the drawer, but not for long."""
    if drawer is not None:
        ending = threading.Thread(target=drawer.stop, name="stop", daemon=True)
        ending.start()
        ending.join(_STOP_SECONDS)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
