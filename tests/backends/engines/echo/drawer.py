"""Draws nothing: sends a 512x512 PNG made once, step by step when a step takes time."""

import os
import queue
import signal
import struct
import threading
import time
import zlib

from backends.contract import (
    Cancel,
    Cancelled,
    Command,
    Done,
    Emit,
    Failed,
    Free,
    Held,
    Image,
    Load,
    Loaded,
    LoadFailed,
    Progress,
    Ready,
    Started,
    Submit,
    Work,
)
from echo.engine import EchoSettings


def ready_png(width: int, height: int, ballast: int = 0) -> bytes:
    """A blue picture; `ballast` more bytes lie in a private chunk."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + b"\x20\x40\xc0" * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    extra = chunk(b"baLl", os.urandom(ballast)) if ballast else b""
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + extra
        + chunk(b"IDAT", zlib.compress(rows, 1))
        + chunk(b"IEND", b"")
    )


class EchoDrawer:
    """Prompts that begin with "crash", "hang", "fail" or "print" do that at the first step."""

    def __init__(self, settings: EchoSettings, emit: Emit) -> None:
        self._settings = settings
        self._emit = emit
        self._works: queue.SimpleQueue[Work] = queue.SimpleQueue()
        self._cancelled: set[str] = set()
        self._png = ready_png(512, 512, settings.bytes)
        self._hanging = False

    def start(self) -> None:
        time.sleep(self._settings.start_seconds)
        if self._settings.broken:
            raise RuntimeError(self._settings.broken)
        threading.Thread(target=self._draw_all, daemon=True).start()
        self._emit(Ready("echo", ("variation_seed",), ("euler",), ("normal",)))

    def handle(self, command: Command) -> None:
        match command:
            case Submit(work=work):
                if work.prompt == "hang control":
                    time.sleep(3600)
                self._works.put(work)
            case Cancel(ids=ids):
                self._cancelled.update(ids)
            case Load(ticket=ticket, model=model) if model.name == "broken":
                self._emit(LoadFailed(model.name, "The model is broken.", ticket))
            case Load(ticket=ticket, model=model):
                self._emit(Loaded(model.name, (model.name,), ticket))
            case Free():
                self._emit(Held(()))
            case _:
                pass

    def stop(self) -> None:
        self._hanging = False

    def _draw_all(self) -> None:
        while True:
            self._draw(self._works.get())

    def _draw(self, work: Work) -> None:
        self._emit(Started(work.id, work.steps))
        if work.prompt.startswith("crash"):
            os.kill(os.getpid(), signal.SIGKILL)
        if work.prompt.startswith("hang"):
            time.sleep(3600)
        if work.prompt.startswith("print"):
            print(work.prompt, os.environ.get("HUB_WORKER_KEEP"), flush=True)
        if work.prompt.startswith("fail"):
            self._emit(Failed(work.id, "It was asked to fail."))
            return
        for step in range(work.steps if self._settings.step_seconds else 0):
            if work.id in self._cancelled:
                self._emit(Cancelled(work.id))
                return
            time.sleep(self._settings.step_seconds)
            self._emit(Progress(work.id, step + 1, work.steps))
        self._emit(Image(work.id, self._png, "PNG"))
        self._emit(Done(work.id))
