"""The files that lie beside a model: notes in JSON and a preview picture."""

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from hub.catalog.entry import Defaults, Entry
from hub.catalog.header import BadHeader, read_header

MAX_NOTES_BYTES = 4 * 1024 * 1024
"""A notes file longer than this is not read (a thumbnail inside may take a megabyte)."""

MAX_PREVIEW_BYTES = 4 * 1024 * 1024
"""A preview picture longer than this is not sent."""

UNREADABLE = (OSError, ValueError, RecursionError)
"""What reading a JSON file of unknown origin may raise; too many brackets are a RecursionError."""

PREVIEW_ENDINGS = (
    ".jpg",
    ".png",
    ".jpeg",
    ".webp",
    ".preview.png",
    ".preview.jpg",
    ".preview.jpeg",
    ".thumb.jpg",
    ".thumb.png",
)
"""What a preview's name has in place of the model's extension, the preferred first."""

_MEDIA = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}
_PREVIEW_KEYS = ("modelspec.thumbnail", "modelspec.preview_image", "thumbnail", "preview_image")


class HubNotes(Struct, frozen=True):
    """Our own notes: `hub.json` in a model's folder, `<name>.hub.json` beside a file."""

    name: str | None = None
    title: str | None = None
    author: str | None = None
    description: str | None = None
    license: str | None = None
    usage_hint: str | None = None
    class_id: str | None = msgspec.field(default=None, name="class")
    native_sizes: tuple[tuple[int, int], ...] = ()
    defaults: Defaults = Defaults()
    tags: tuple[str, ...] | None = None
    date: str | None = None


def hub_notes(path: Path) -> HubNotes:
    """The notes in a `hub.json`. Raises ValueError or OSError saying what is wrong."""
    return msgspec.json.decode(_bounded(path), type=HubNotes)


def spec_notes(path: Path) -> dict[str, str]:
    """The text entries of a `.swarm.json`, by ModelSpec key. Raises ValueError or OSError."""
    found = msgspec.json.decode(_bounded(path), type=dict[str, object])
    notes = {k: v for k, v in found.items() if isinstance(v, str)}
    notes |= {k: str(v).lower() for k, v in found.items() if isinstance(v, bool)}
    notes |= {k: str(v) for k, v in found.items() if isinstance(v, int) and not isinstance(v, bool)}
    tags = found.get("modelspec.tags", found.get("tags"))
    if isinstance(tags, list):
        notes["modelspec.tags"] = ",".join(str(tag) for tag in tags)
    return notes


def preview_of(entry: Entry) -> tuple[bytes, str] | None:
    """The entry's preview picture and its media type, None when there is none to send. Reads the disk."""
    try:
        if entry.preview is not None:
            if entry.preview.stat().st_size > MAX_PREVIEW_BYTES:
                return None
            return entry.preview.read_bytes(), _MEDIA[entry.preview.suffix.lower()]
        if entry.preview_in_header:
            return _from_data_url(header_preview(read_header(entry.home).metadata))
    except (OSError, BadHeader):
        return None
    return None


def header_preview(metadata: Mapping[str, str]) -> str:
    """The picture a model's own metadata holds, as a data URL; "" when there is none or it is too long."""
    for key in _PREVIEW_KEYS:
        text = metadata.get(key, "")
        if text.startswith("data:image/") and len(text) * 3 // 4 <= MAX_PREVIEW_BYTES:
            return text
    return ""


def _from_data_url(text: str) -> tuple[bytes, str] | None:
    head, _, body = text.partition(",")
    media = head.removeprefix("data:").removesuffix(";base64")
    if media not in _MEDIA.values():
        return None
    try:
        return base64.b64decode(body, validate=True), media
    except (binascii.Error, ValueError):
        return None


def _bounded(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(MAX_NOTES_BYTES + 1)
    if len(data) > MAX_NOTES_BYTES:
        raise ValueError(f"it is longer than {MAX_NOTES_BYTES} bytes")
    return data
