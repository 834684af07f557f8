"""Lines on the terminal while something long runs: what it does and how long so far."""

import os
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

TAIL_LINES = 80
_TICK_S = 1.0
_PLAIN_EVERY_S = 15.0


def clock_text(seconds: float) -> str:
    """Write a duration as a person reads it: `8 s`, `2 min 05 s`."""
    whole = int(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02d} s"


class Terminal:
    """Writes progress: one line that renews itself on a terminal, a line now and then in a log file."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stderr
        self._live = self._out.isatty()
        self._shown = ""
        self._last_plain = 0.0

    def say(self, text: str) -> None:
        """Write one lasting line."""
        self._wipe()
        print(text, file=self._out, flush=True)
        self._last_plain = time.monotonic()

    def show(self, text: str) -> None:
        """Renew the passing line; in a file, write it only every few seconds."""
        if self._live:
            width = max(20, os.get_terminal_size(self._out.fileno()).columns - 1)
            line = text[:width]
            if line == self._shown:
                return
            print(
                "\r" + line + " " * max(0, len(self._shown) - len(line)), end="", file=self._out, flush=True
            )
            self._shown = line
        elif time.monotonic() - self._last_plain >= _PLAIN_EVERY_S:
            self.say(text)

    def _wipe(self) -> None:
        if self._shown:
            print("\r" + " " * len(self._shown) + "\r", end="", file=self._out)
            self._shown = ""


def run_watched(
    command: Sequence[str | Path],
    *,
    what: str,
    terminal: Terminal,
    reading: Callable[[str], str | None] = lambda line: None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> tuple[int, list[str]]:
    """Run `command` with a progress line; return its exit code and the last lines it wrote.

    `reading` turns a line of the program's output into the text to show, or None to keep what is shown.
    A program that does not exist counts as exit code 127, with the reason as its output.
    """
    began = time.monotonic()
    terminal.say(f"{what} ...")
    try:
        child = subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            env=dict(env) if env is not None else None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as trouble:
        return 127, [str(trouble)]
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    detail = ""
    try:
        for line in _lines_or_ticks(child):
            if line is not None:
                tail.append(line)
                detail = reading(line) or detail
            terminal.show(f"  [{clock_text(time.monotonic() - began)}] {detail or what}")
        code = child.wait()
    except BaseException:
        child.kill()
        child.wait()
        raise
    if code == 0:
        terminal.say(f"  done in {clock_text(time.monotonic() - began)}")
    return code, list(tail)


def _lines_or_ticks(child: "subprocess.Popen[str]") -> Iterator[str | None]:
    """Yield the lines of a child's output, and None for each second in which it writes nothing."""
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        assert child.stdout
        with child.stdout as output:
            for line in output:
                lines.put(line.rstrip())
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=_TICK_S)
        except queue.Empty:
            yield None
            continue
        if line is None:
            return
        yield line
