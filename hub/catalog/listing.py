"""A folder's view of the models: subfolders, depth, order and the cap (swarm-api §2.3, §8)."""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct

from hub.catalog.entry import Entry
from hub.errors import BadInput

MAX_LISTED = 5000
"""No listing holds more models than this."""

MIN_DEPTH, MAX_DEPTH = 1, 20

_LAST = (1 << 63) - 1

_ORDERS: dict[str, tuple[str, Callable[[Entry], tuple[Any, ...]]]] = {
    "name": ("Name", lambda entry: (entry.name,)),
    "title": ("Title", lambda entry: (entry.title, entry.name)),
    "datecreated": ("DateCreated", lambda entry: (-(entry.created or _LAST), entry.name)),
    "datemodified": ("DateModified", lambda entry: (-(entry.modified or _LAST), entry.name)),
}


class Listing(Struct, frozen=True):
    """`folders` relative to the path asked for, in order; `entries` in the order asked for."""

    folders: tuple[str, ...]
    entries: tuple[Entry, ...]


def list_folder(entries: Iterable[Entry], path: str, *, depth: int, sort_by: str, reverse: bool) -> Listing:
    """The models and folders below `path`, `depth` folders deep (held to 1..20), at most 5000 models.

    Raises BadInput for an order that does not exist.
    """
    order = _ORDERS.get(sort_by.strip().lower())
    if order is None:
        known = [name for name, _ in _ORDERS.values()]
        raise BadInput(f"Invalid sort mode '{sort_by[:100]}'.", field="sortBy", limit=known)
    depth = min(max(depth, MIN_DEPTH), MAX_DEPTH)
    clean = "/".join(part for part in path.replace("\\", "/").split("/") if part)
    prefix = f"{clean}/" if clean else ""
    folders: dict[str, None] = {}
    inside: list[Entry] = []
    for entry in entries:
        if not entry.name.startswith(prefix):
            continue
        *above, _ = entry.name[len(prefix) :].split("/")
        for level in range(1, min(depth, len(above)) + 1):
            folders["/".join(above[:level])] = None
        if len(above) < depth and len(inside) < MAX_LISTED:
            inside.append(entry)
    return Listing(tuple(folders), tuple(sorted(inside, key=order[1], reverse=reverse)))
