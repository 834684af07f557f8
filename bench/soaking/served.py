"""The hub with two edges that a bench can move: the clock it reads, and the bytes it hands to the disk.

`python -m bench.soaking.served FILE serve …`: FILE holds `{"shift": seconds, "full": true}` and is looked at
ten times a second. Both are put in where the hub touches the system, so everything above is what always runs.
"""

import errno
import json
import os
import runpy
import sys
import threading
import time
from pathlib import Path
from typing import Any

LOOK_SECONDS = 0.1
_real_time, _real_ns = time.time, time.time_ns


class Edges:
    """What is being pretended."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.shift = 0.0
        self.full = False

    def watch(self) -> None:
        """Look at the file for ever."""
        while True:
            try:
                told = json.loads(self._file.read_text("utf-8"))
                self.shift, self.full = float(told.get("shift", 0)), bool(told.get("full"))
            except (OSError, ValueError):
                pass  # not there yet, or half written: the next look finds it
            time.sleep(LOOK_SECONDS)

    def time(self) -> float:
        """Unix seconds by the clock that is set."""
        return _real_time() + self.shift

    def time_ns(self) -> int:
        """The same in nanoseconds."""
        return _real_ns() + int(self.shift * 1e9)


def main() -> None:
    """Move the edges in, then be the hub."""
    edges = Edges(Path(sys.argv[1]))
    threading.Thread(target=edges.watch, name="edges", daemon=True).start()
    time.time, time.time_ns = edges.time, edges.time_ns  # before anything of the hub has taken a hold of it
    from hub.media import outputs

    write = outputs._write_all

    def write_or_refuse(handle: int, pieces: Any) -> int:
        if edges.full:
            os.write(handle, bytes(pieces[0])[:100])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(handle, pieces)

    outputs._write_all = write_or_refuse
    sys.argv[1:] = sys.argv[2:]
    runpy.run_module("hub", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
