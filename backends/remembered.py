"""What an engine elsewhere has said it has, kept over restarts of the hub: until it answers again, that is
the best that is known of it.
"""

import hashlib
import logging
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from backends.contract import Ready, RemoteModel

FILE = "offers.cache"
LARGEST = 64 << 20
"""Bytes; what is larger is not kept."""

_log = logging.getLogger(__name__)


class Remembered(Struct, frozen=True):
    """What was said last by an engine whose settings have this `mark`."""

    mark: str
    ready: Ready
    models: tuple[RemoteModel, ...]


def mark_of(kind: str, settings: Mapping[str, Any], secrets: Collection[str]) -> str:
    """Changes with an engine's type and settings; nothing secret goes in."""
    told = sorted((name, repr(value)) for name, value in settings.items() if name not in secrets)
    return hashlib.sha256(repr((kind, told)).encode()).hexdigest()


def recall(folder: Path, mark: str) -> Remembered | None:
    """What was kept there under the same mark; None when there is nothing that can be used."""
    try:
        kept = msgspec.msgpack.decode((folder / FILE).read_bytes(), type=Remembered)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as trouble:
        _log.info("what an engine offered last cannot be read: %s", trouble)
        return None
    return kept if kept.mark == mark else None


def remember(folder: Path, kept: Remembered) -> None:
    """Keep it; a full disk costs a line in the log and nothing else."""
    data = msgspec.msgpack.encode(kept)
    if len(data) > LARGEST:
        return
    new = folder / f"{FILE}.new"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        new.write_bytes(data)
        new.replace(folder / FILE)
    except OSError as trouble:
        _log.warning("what an engine offers cannot be kept for the next start: %s", trouble)
