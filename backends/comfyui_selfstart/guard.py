"""Runs a program and never lets it outlive whoever asked: a script of its own, of the standard library only.

Started as `python guard.py SECONDS WORD...`. The hub holds the other end of standard input; when that closes,
because the hub wishes it or because it was killed, the program and its whole process group get a polite end,
and after SECONDS a hard one. The program's exit code becomes this one's, 128 + n for a signal n.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from typing import Any

_DIE_WITH_PARENT = 1  # prctl's PR_SET_PDEATHSIG
_POSIX = os.name == "posix"


class Guarded:
    """The program and its group."""

    def __init__(self, command: list[str], seconds: float) -> None:
        self._seconds = seconds
        options: dict[str, Any] = {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
        if _POSIX:
            options = {"start_new_session": True, "preexec_fn": _tie() if sys.platform == "linux" else None}
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)  # noqa: S603

    def wait(self) -> int:
        """Its exit code; what is left of its group is ended."""
        code = self._process.wait()
        self._signal(hard=True)
        return code if code >= 0 else 128 - code

    def end(self) -> None:
        """Politely, then hard."""
        self._signal(hard=False)
        try:
            self._process.wait(self._seconds)
        except subprocess.TimeoutExpired:
            self._signal(hard=True)

    def _signal(self, *, hard: bool) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError, OSError):
            if _POSIX:
                os.killpg(self._process.pid, signal.SIGKILL if hard else signal.SIGTERM)
            elif self._process.poll() is None:
                # Windows knows no polite end for a program without a window; its children go with it
                subprocess.run(  # noqa: S603
                    ["taskkill", "/T", "/F", "/PID", str(self._process.pid)],  # noqa: S607
                    capture_output=True,
                    check=False,
                )


def _tie() -> Any:
    """What makes a child of Linux die with this process, should this one be killed before it can end it."""
    library = ctypes.CDLL(None)

    def tie() -> None:
        library.prctl(_DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)

    return tie


def _until_closed() -> None:
    """Wait until nobody holds the other end of standard input."""
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass


def main(arguments: list[str]) -> int:
    """Run it; the exit code."""
    try:
        guarded = Guarded(arguments[1:], float(arguments[0]))
    except OSError as error:
        print(f"It cannot be started: {error.strerror}.", flush=True)  # noqa: T201 (read by the hub)
        return 127

    def watch() -> None:
        _until_closed()
        guarded.end()

    if _POSIX:
        signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=guarded.end, daemon=True).start())
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=watch, daemon=True).start()
    return guarded.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
