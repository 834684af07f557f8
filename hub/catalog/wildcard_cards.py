"""Wildcards as clients see them (swarm-api §8): their objects, and lists of a folder."""

import base64
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct

from hub.catalog.card import PLACEHOLDER_PREVIEW
from hub.catalog.entry import Entry
from hub.catalog.listing import list_folder
from hub.catalog.wildcards import Wildcard

SUBTYPE = "Wildcards"
"""What clients call wildcards where they list them like models."""

MAX_PREVIEW_BYTES = 4 * 1024 * 1024
_LISTED = 512


class WildcardCard(Struct, frozen=True):
    """A wildcard: its name, the text of its file (cut in lists), and its picture."""

    name: str
    raw: str
    image: str


def wildcard_card(found: Wildcard) -> WildcardCard:
    """The whole object, the picture as data. Reads the picture's file."""
    data = picture_of(found)
    image = PLACEHOLDER_PREVIEW
    if data is not None:
        image = f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
    return WildcardCard(found.name, found.raw, image)


def picture_of(found: Wildcard) -> bytes | None:
    """The JPEG bytes of its preview, None when there is none that can be sent."""
    try:
        if found.picture is None or found.picture.stat().st_size > MAX_PREVIEW_BYTES:
            return None
        return found.picture.read_bytes()
    except OSError:
        return None


def list_wildcards(
    found: Iterable[Wildcard], path: str, *, depth: int, sort_by: str, reverse: bool, with_pictures: bool
) -> tuple[list[str], list[WildcardCard]]:
    """Folders and objects below `path`, as models are listed. Raises BadInput for an unknown order."""
    known = {one.name: one for one in found}
    listed = list_folder(map(_entry, known.values()), path, depth=depth, sort_by=sort_by, reverse=reverse)
    cards = [_listed(known[entry.name], with_pictures) for entry in listed.entries]
    return list(listed.folders), cards


def _listed(one: Wildcard, with_picture: bool) -> WildcardCard:
    if with_picture:
        image = wildcard_card(one).image
    elif one.picture is not None:
        image = f"/ViewSpecial/{SUBTYPE}/{quote(one.name)}?editid={one.stamp[-2] // 1_000_000}"
    else:
        image = PLACEHOLDER_PREVIEW
    return WildcardCard(one.name, one.raw[:_LISTED], image)


def _entry(one: Wildcard) -> Entry:
    """What the lists of models order by."""
    changed = one.stamp[0] // 1_000_000 if one.stamp else 0
    return Entry(
        name=one.name,
        subtype=SUBTYPE,
        path=Path(),
        title=one.name,
        created=changed,
        modified=changed,
    )
