"""What the engine has learned about batch sizes, kept over restarts in one small file."""

import contextlib
import os
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from backends.diffusers_local.loop.batching import Learned

_NAME = "batch_sizes.json"
_MOST = 512  # groups written, the latest
_SECONDS = 60.0  # between two looks while there is always work


class Remembered:
    """The file in `folder`; without a folder nothing is kept. A file that cannot be read or written is no
    reason not to draw: everything in it can be measured again.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._written: Mapping[str, Learned] = {}
        self._looked = time.monotonic()

    @property
    def is_due(self) -> bool:
        """What was learned was not looked at for a while: a worker that is never idle may be killed too."""
        return time.monotonic() - self._looked > _SECONDS

    def read(self) -> dict[str, Learned]:
        """What was learned before, by name; empty when nothing can be read."""
        if self._folder is None:
            return {}
        try:
            found = msgspec.json.decode((self._folder / _NAME).read_bytes(), type=dict[str, Learned])
        except (OSError, msgspec.DecodeError):
            return {}
        self._written = found
        return dict(found)

    def write(self, learned: Mapping[str, Learned]) -> None:
        """Keep this; the file is replaced as a whole or not at all."""
        self._looked = time.monotonic()
        kept = dict(list(learned.items())[-_MOST:])
        if self._folder is None or not self._worth_writing(kept):
            return
        self._written = kept
        path = self._folder / _NAME
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=1))
            temporary.replace(path)

    def _worth_writing(self, kept: Mapping[str, Learned]) -> bool:
        """Seconds that moved a little are not."""
        if kept.keys() != self._written.keys():
            return True
        return any(
            (new.limit, new.bytes_each) != (old.limit, old.bytes_each)
            or not 0.5 <= (new.seconds or 1e-9) / (old.seconds or 1e-9) <= 2
            for new, old in zip(kept.values(), (self._written[name] for name in kept), strict=True)
        )
