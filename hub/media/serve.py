"""Files to the browser: which one, of what type, which part of it, how long it may be kept."""

import mimetypes
import os
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct

from hub.media.outputs import Outputs, OutsideOutputs

SHORT_LIVED = frozenset({"text/html", "text/javascript", "application/javascript"})
# Shown in place anything else could run scripts with the hub's own rights, or be taken for our page.
INLINE = frozenset(
    {
        "application/json",
        "image/apng",
        "image/avif",
        "image/bmp",
        "image/gif",
        "image/jpeg",
        "image/png",
        "image/webp",
        "text/plain",
    }
)
INLINE_FAMILIES = ("audio/", "video/")
_KINDS = {".jpg": "image/jpeg", ".webp": "image/webp", ".webm": "video/webm", ".json": "application/json"}


class NoSuchRange(Exception):
    """The part asked for lies outside the file (416)."""


class Served(Struct, frozen=True):
    """A file to send: `size` in bytes, its type and its check value."""

    file: Path
    size: int
    kind: str
    etag: str

    @property
    def seconds(self) -> int:
        """How long a browser may keep it."""
        return 2 if self.kind in SHORT_LIVED else 30

    @property
    def inline(self) -> bool:
        """Whether a browser may show it in place."""
        return self.kind in INLINE or self.kind.startswith(INLINE_FAMILIES)


def disposition(name: str, *, inline: bool) -> str:
    """Content-Disposition for a file of that name: shown in place or kept, under that name and no other
    (RFC 6266 §4, RFC 8187)."""
    plain = "".join(letter if letter.isascii() and letter.isprintable() else "_" for letter in name)
    safe = plain.replace("\\", "_").replace('"', "_")
    whole = quote(name.encode("utf-8", "replace"), safe="")
    return f"{'inline' if inline else 'attachment'}; filename=\"{safe}\"; filename*=UTF-8''{whole}"


def find_file(outputs: Outputs, user: str, path: str) -> Served | None:
    """The file at a path of `user`; None when there is none. Raises OutsideOutputs."""
    if any(part.startswith(".") for part in path.split("/")):
        raise OutsideOutputs(path)
    file = outputs.inside(user, path)
    try:
        stat = file.stat()
    except (OSError, ValueError):
        return None
    if not os.path.isfile(file):  # noqa: PTH113 - the same test without another stat result object
        return None
    kind = _KINDS.get(file.suffix.lower()) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return Served(file, stat.st_size, kind, f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"')


def read_range(header: str | None, size: int) -> tuple[int, int] | None:
    """The first and last byte of a Range header (RFC 9110 §14.1.2), None for the whole file.

    Several ranges, and what cannot be read, mean the whole file. Raises NoSuchRange.
    """
    if not header or not header.startswith("bytes=") or "," in header:
        return None
    first, dash, last = header.removeprefix("bytes=").strip().partition("-")
    if not dash or not (first or last) or not all(not part or part.isdecimal() for part in (first, last)):
        return None
    if not first:
        start, end = max(0, size - int(last)), size - 1
        if not int(last):
            raise NoSuchRange
    else:
        start, end = int(first), min(int(last), size - 1) if last else size - 1
    if start >= size or (last and first and int(last) < start):
        raise NoSuchRange
    return start, end


def read_part(file: Path, start: int, length: int) -> bytes:
    """`length` bytes of a file from `start`; for a thread."""
    with file.open("rb") as opened:
        opened.seek(start)
        return opened.read(length)
