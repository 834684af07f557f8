"""Stored workflows as files below the data folder: saved whole or not at all, read when asked for."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import msgspec

from hub.errors import BadInput, HubError
from hub.params import checked_graph
from hub.workflows.stored import StoredWorkflow, WorkflowHead, checked_name

LONGEST = 8 << 20
"""Bytes a stored workflow may have, its picture counted in."""

MOST = 1000
"""Workflows that may be stored."""

UNKNOWN = "There is no stored workflow of that name."

_log = logging.getLogger("hub.workflows")


class Workflows:
    """The workflows below a folder; `folder` is made when the first one is saved."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._heads: dict[str, WorkflowHead] = {one.name: one.head for one in _found(folder)}
        self._lock = asyncio.Lock()

    def names(self) -> list[str]:
        """The names of all, in order."""
        return sorted(self._heads)

    def heads(self) -> list[WorkflowHead]:
        """What a list shows of each, by name."""
        return [self._heads[name] for name in self.names()]

    def graph_of(self, name: str) -> str | None:
        """The graph of a workflow with its gaps, in API format; None when there is none of that name. Reads
        the file."""
        stored = self._read(name) if name in self._heads else None
        return None if stored is None else stored.prompt

    async def read(self, name: str) -> StoredWorkflow:
        """A workflow. Raises HubError when there is none of that name."""
        name = checked_name(name)
        stored = await asyncio.to_thread(self._read, name) if name in self._heads else None
        if stored is None:
            raise HubError(UNKNOWN, field="name")
        return stored

    async def save(self, stored: StoredWorkflow, replace: str = "") -> None:
        """Store a workflow over the one of its name; `replace` names another one that goes then.

        Raises BadInput for names that cannot be used, graphs that are none, and too much of anything.
        """
        name = checked_name(stored.name)
        former = checked_name(replace, "replace") if replace else name
        stored = msgspec.structs.replace(stored, name=name)
        checked_graph(stored.prompt, "prompt", "prompt")
        data = msgspec.json.encode(stored)
        if len(data) > LONGEST:
            raise BadInput(
                f"The workflow has {len(data)} bytes, at most {LONGEST} are stored; take a smaller picture",
                field="workflow",
                limit=LONGEST,
            )
        async with self._lock:
            if name not in self._heads and len(self._heads) >= MOST:
                raise BadInput(
                    f"There are {MOST} stored workflows already; delete one first", field="name", limit=MOST
                )
            await asyncio.to_thread(_write, self._path(name), data)
            self._heads[name] = stored.head
            if former != name and former in self._heads:
                await self._drop(former)

    async def delete(self, name: str) -> None:
        """Delete a workflow. Raises HubError when there is none of that name."""
        name = checked_name(name)
        async with self._lock:
            if name not in self._heads:
                raise HubError(UNKNOWN, field="name")
            await self._drop(name)

    async def _drop(self, name: str) -> None:
        await asyncio.to_thread(self._path(name).unlink, missing_ok=True)
        del self._heads[name]

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    def _read(self, name: str) -> StoredWorkflow | None:
        return _decoded(self._path(name), name)


def _found(folder: Path) -> Iterator[StoredWorkflow]:
    """Every workflow that lies below the folder; what is none is told in the log and left alone."""
    for path in sorted(folder.rglob("*.json")) if folder.is_dir() else ():
        name = path.relative_to(folder).as_posix().removesuffix(".json")
        try:
            fine = checked_name(name) == name and path.is_file() and not path.is_symlink()
        except BadInput:
            fine = False
        stored = _decoded(path, name) if fine else None
        if stored is not None:
            yield stored


def _decoded(path: Path, name: str) -> StoredWorkflow | None:
    try:
        if path.stat().st_size > LONGEST:
            raise ValueError(f"longer than {LONGEST} bytes")
        stored = msgspec.json.decode(path.read_bytes(), type=StoredWorkflow)
    except (OSError, ValueError) as trouble:  # msgspec's errors are ValueErrors
        _log.warning("the stored workflow %r cannot be read: %s", name, trouble)
        return None
    return msgspec.structs.replace(stored, name=name)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_bytes(data)
    temporary.replace(path)
