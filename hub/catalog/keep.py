"""The last look at the disk, kept between starts: a large library is not read anew each time.

A hint only: an entry counts when its files still carry the stamp, and the whole file when the code that read
the models has not changed.
"""

import hashlib
import logging
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from hub.catalog.entry import Entry

_log = logging.getLogger("hub.catalog")


class _Kept(Struct, frozen=True):
    reader: str
    shelves: dict[str, dict[str, Entry]]


def recall(file: Path) -> Mapping[str, Mapping[str, Entry]]:
    """The entries of the last look by subtype and name; empty when there are none to be trusted."""
    try:
        kept = msgspec.msgpack.decode(file.read_bytes(), type=_Kept, dec_hook=_path)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as trouble:
        _log.info("models are read anew, %s cannot be used: %s", file.name, trouble)
        return {}
    return kept.shelves if kept.reader == _reader() else {}


def remember(file: Path, shelves: Mapping[str, Mapping[str, Entry]]) -> None:
    """Keep the entries for the next start; a full disk costs a line in the log and nothing else."""
    kept = _Kept(_reader(), {subtype: dict(entries) for subtype, entries in shelves.items()})
    new = file.with_name(f"{file.name}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        new.write_bytes(msgspec.msgpack.encode(kept, enc_hook=str))
        new.replace(file)
    except OSError as trouble:
        _log.warning("the list of models cannot be kept for the next start: %s", trouble)


@cache
def _reader() -> str:
    """Changes with the code and the tables that made the entries."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.rglob("*")):
        if source.suffix in (".py", ".json"):
            digest.update(source.read_bytes())
    return digest.hexdigest()


def _path(kind: type, value: Any) -> Any:
    return Path(value) if issubclass(kind, Path) else value
