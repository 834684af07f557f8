"""Putting restored files in place so that a kill at any point leaves the old state or the new, never half.

Everything is staged first, in a hidden folder of the folder it goes to, so that each step is one rename on
one disk. Then a journal is written; from then on the swap is carried to its end, by whoever comes first: the
same process, the next start of the hub, or the next command. Each step can be done again. What was there
before is kept aside.
"""

import os
import shutil
from pathlib import Path

import msgspec
from msgspec import Struct

JOURNAL = "restore.json"
STAGED = ".restoring"


class Move(Struct, frozen=True):
    """`live` goes to `aside`, then `staged` ("" for nothing) to `live`; absolute paths."""

    live: str
    aside: str
    staged: str = ""


class Journal(Struct, frozen=True):
    """What is to be done, in order, and the folders that are empty then."""

    moves: tuple[Move, ...]
    emptied: tuple[str, ...]


def is_pending(data: Path) -> bool:
    """Whether a swap has begun and not ended."""
    return (data / JOURNAL).exists()


def begin(data: Path, journal: Journal) -> None:
    """Write the journal: the one moment that decides between the old state and the new."""
    file = data / JOURNAL
    beside = file.with_suffix(".new")
    with beside.open("wb") as stream:
        stream.write(msgspec.json.encode(journal))
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(file)
    _sync(data)


def settle(data: Path) -> bool:
    """Carry a begun swap to its end, and remove what one left that never began; whether there was one. Only
    for whoever owns the data folder."""
    file = data / JOURNAL
    if not file.exists():
        shutil.rmtree(data / STAGED, ignore_errors=True)
        return False
    journal = msgspec.json.decode(file.read_bytes(), type=Journal)
    for move in journal.moves:
        make(move)
    for folder in journal.emptied:
        shutil.rmtree(folder, ignore_errors=True)
    _sync(data)
    file.unlink()
    return True


def make(move: Move) -> None:
    """One step; done already, in part or wholly, it does only what is left."""
    live, aside = Path(move.live), Path(move.aside)
    staged = Path(move.staged) if move.staged else None
    if staged is not None and not os.path.lexists(staged):
        return
    if os.path.lexists(live) and not os.path.lexists(aside):
        aside.parent.mkdir(parents=True, exist_ok=True)
        live.rename(aside)
    if staged is not None:
        live.parent.mkdir(parents=True, exist_ok=True)
        staged.rename(live)


def _sync(folder: Path) -> None:
    """The renames of a folder are on the disk then, where the system can say so."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
