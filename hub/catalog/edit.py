"""Writing the facts about a model: into a small file beside it, or into its own header. Blocking.

The keys are those of ModelSpec, so that other programs read them too.
"""

import base64
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Raw, Struct

from hub.catalog.beside import MAX_NOTES_BYTES, PREVIEW_ENDINGS, UNREADABLE
from hub.catalog.companions import stem_of
from hub.catalog.entry import Entry
from hub.catalog.header import MAX_HEADER_BYTES, BadHeader, raw_header

JPEG = "data:image/jpeg;base64,"
_BLOCK = 1 << 20
_THUMBNAIL = "modelspec.thumbnail"
_HUB_KEYS = {
    "title": "title",
    "author": "author",
    "description": "description",
    "license": "license",
    "usage_hint": "usage_hint",
    "architecture": "class",
    "date": "date",
    "tags": "tags",
}
_PREVIEWS_INSIDE = ("preview.png", "preview.jpg", "preview.webp")


class Facts(Struct, frozen=True, kw_only=True):
    """What is noted of a model; "" and 0 take a note back. Sizes in pixels."""

    title: str = ""
    author: str = ""
    architecture: str = ""
    description: str = ""
    standard_width: int = 0
    standard_height: int = 0
    usage_hint: str = ""
    date: str = ""
    license: str = ""
    trigger_phrase: str = ""
    prediction_type: str = ""
    tags: tuple[str, ...] = ()
    is_negative_embedding: bool = False
    lora_default_weight: str = ""
    lora_default_confinement: str = ""

    def spec(self) -> dict[str, str]:
        """The facts as ModelSpec entries without their prefix."""
        values = msgspec.structs.asdict(self)
        width, height = values.pop("standard_width"), values.pop("standard_height")
        values["resolution"] = f"{width}x{height}" if width and height else ""
        values["tags"] = ",".join(self.tags)
        values["is_negative_embedding"] = "true" if self.is_negative_embedding else ""
        return values


class Picture(Struct, frozen=True):
    """A change of the preview: JPEG bytes, or None to have no picture any more."""

    jpeg: bytes | None


def write_beside(entry: Entry, facts: Facts, picture: Picture | None) -> None:
    """Note the facts in `<name>.swarm.json`, the picture beside it. Raises OSError.

    What stands in the file and is not among the facts stays; where a `hub.json` speaks too, it is changed
    likewise, since it comes first.
    """
    path = _spec_path(entry)
    notes = _read(path)
    for key, value in facts.spec().items():
        notes.pop(key, None)
        notes[f"modelspec.{key}"] = value
    if not facts.architecture:
        notes.pop("modelspec.architecture")
    if picture is not None:
        _show(entry, picture)
        notes.pop(_THUMBNAIL, None)
        if picture.jpeg is None and entry.preview_in_header:
            notes[_THUMBNAIL] = ""  # says: not the one in the header either
    _edit_hub_notes(entry, facts)
    replace(path, msgspec.json.format(msgspec.json.encode(notes), indent=2))


def write_inside(entry: Entry, facts: Facts, picture: Picture | None) -> None:
    """Note the facts and the picture in the model file's header; it is written anew and then replaced.

    Raises BadHeader for a file that cannot be read or a header that would become too long, OSError else.
    """
    header = msgspec.json.decode(raw_header(entry.home), type=dict[str, Raw])
    kept = header.pop("__metadata__", None)
    metadata: dict[str, Any] = {} if kept is None else msgspec.json.decode(kept)
    for key, value in facts.spec().items():
        metadata.pop(key, None)
        metadata.pop(f"modelspec.{key}", None)
        if value:
            metadata[f"modelspec.{key}"] = value
    if picture is not None:
        for key in (_THUMBNAIL, "modelspec.preview_image", "thumbnail", "preview_image"):
            metadata.pop(key, None)
        if picture.jpeg is not None:
            metadata[_THUMBNAIL] = JPEG + base64.b64encode(picture.jpeg).decode()
    new = msgspec.json.encode({"__metadata__": metadata, **header})
    new += b" " * (-len(new) % 8)
    if len(new) > MAX_HEADER_BYTES:
        raise BadHeader(f"its header would be {len(new)} bytes long; at most {MAX_HEADER_BYTES} are read")
    _rewrite(entry.home, new)
    if picture is not None:
        _hide_previews(entry)
    _forget_beside(entry, facts, picture)
    _edit_hub_notes(entry, facts)


def add_notes(entry: Entry, notes: Mapping[str, Any], jpeg: bytes | None) -> None:
    """Keep notes that came with a download beside it. Raises OSError."""
    if jpeg is not None:
        _show(entry, Picture(jpeg))
    replace(_spec_path(entry), msgspec.json.format(msgspec.json.encode(dict(notes)), indent=2))


def replace(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    handle, temporary = tempfile.mkstemp(prefix=".", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _spec_path(entry: Entry) -> Path:
    inside = entry.home / ".swarm.json"
    beside = Path(f"{stem_of(entry)}.swarm.json")
    return inside if inside.is_file() and not beside.is_file() else beside


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(MAX_NOTES_BYTES), type=dict[str, Any])
    except FileNotFoundError:
        return {}
    except UNREADABLE as trouble:
        if isinstance(trouble, OSError):
            raise
        return {}  # what nobody could read is no loss


def _show(entry: Entry, picture: Picture) -> None:
    if picture.jpeg is not None:
        is_dir = entry.home.is_dir()
        replace(
            entry.home / "preview.jpg" if is_dir else Path(f"{stem_of(entry)}.jpg"),
            picture.jpeg,
        )
    _hide_previews(entry, but="preview.jpg" if entry.home.is_dir() else ".jpg", keep=picture.jpeg is not None)


def _hide_previews(entry: Entry, *, but: str = "", keep: bool = False) -> None:
    """Take the preview files away, all but the one ending that is to be kept."""
    if entry.home.is_dir():
        files = {name: entry.home / name for name in _PREVIEWS_INSIDE}
    else:
        files = {ending: Path(stem_of(entry) + ending) for ending in PREVIEW_ENDINGS}
    for ending, path in files.items():
        if not (keep and ending == but):
            path.unlink(missing_ok=True)


def _edit_hub_notes(entry: Entry, facts: Facts) -> None:
    path = entry.home / "hub.json" if entry.home.is_dir() else Path(f"{stem_of(entry)}.hub.json")
    notes = _read(path)
    values: dict[str, Any] = {**facts.spec(), "tags": list(facts.tags)}
    changed = {**notes}
    for key, own in _HUB_KEYS.items():
        if own in changed:
            changed[own] = values[key]
            if not values[key]:
                del changed[own]
    if facts.standard_width and facts.standard_height and changed.get("native_sizes"):
        first = [facts.standard_width, facts.standard_height]
        if changed["native_sizes"][0] != first:
            changed["native_sizes"] = [first, *(size for size in changed["native_sizes"] if size != first)]
    if changed != notes:
        replace(path, msgspec.json.format(msgspec.json.encode(changed), indent=2))


def _forget_beside(entry: Entry, facts: Facts, picture: Picture | None) -> None:
    """What the header says now must not be overruled by older notes beside it."""
    path = _spec_path(entry)
    notes = _read(path)
    if not notes:
        return
    left = dict(notes)
    for key in (*facts.spec(), *(("thumbnail",) if picture is not None else ())):
        left.pop(key, None)
        left.pop(f"modelspec.{key}", None)
    if not left:
        path.unlink(missing_ok=True)
    elif left != notes:
        replace(path, msgspec.json.format(msgspec.json.encode(left), indent=2))


def _rewrite(path: Path, header: bytes) -> None:
    status = path.stat()
    free = shutil.disk_usage(path.parent).free
    if free < status.st_size + len(header):
        raise OSError(28, f"{status.st_size} bytes are needed to write the file anew, {free} are free")
    real = path.resolve()
    handle, temporary = tempfile.mkstemp(prefix=".", dir=real.parent)
    try:
        with os.fdopen(handle, "wb") as new, real.open("rb") as old:
            old.seek(8 + int.from_bytes(old.read(8), "little"))
            new.write(len(header).to_bytes(8, "little") + header)
            shutil.copyfileobj(old, new, _BLOCK)
            new.flush()
            os.fsync(new.fileno())
        Path(temporary).chmod(status.st_mode & 0o777)
        Path(temporary).replace(real)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
