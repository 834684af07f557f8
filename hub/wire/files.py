"""Files of the built page, kept in memory with their check value and a packed form; nothing outside their
folder."""

import asyncio
import gzip
import hashlib
import html
import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hub.wire.answers import Answer, Headers
from hub.wire.door import header

PACKED_FROM: Final = 1024
"""Bytes from which a text file is worth packing."""
KEPT: Final = 256
"""Files kept in memory; a page has some tens."""
FOREVER: Final = b"public, max-age=31536000, immutable"
ASK: Final = b"no-cache"
_HASHED = re.compile(r"-[A-Za-z0-9_-]{8}\.\w+$")
_TEXT = ("text/", "application/javascript", "application/json", "image/svg+xml")

mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("font/woff2", ".woff2")

PAGE_HEADERS: Final[Headers] = [
    (
        b"content-security-policy",
        b"default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        b"img-src 'self' data: blob:; media-src 'self' data: blob:; connect-src 'self' ws: wss:; "
        b"object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
"""What every page and file is sent with: scripts only from ourselves, no framing by strangers, no guessing
of types.

`style-src` allows inline styles because the page sets sizes and positions on elements as it draws.
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A file in memory: its stamp on disk, type, check value, bytes and packed bytes (None where it does
    not pay)."""

    stamp: tuple[int, int]
    media_type: str
    etag: bytes
    data: bytes
    packed: bytes | None


class Files:
    """The files below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._kept: dict[str, Kept] = {}

    async def answer(self, name: str, scope: object) -> Answer | None:
        """The file `name` below the root as an answer; None when there is no such file."""
        place = self._place(name)
        if place is None:
            return None
        stat = place.stat()
        stamp = (stat.st_mtime_ns, stat.st_size)
        kept = self._kept.get(name)
        if kept is None or kept.stamp != stamp:
            kept = await asyncio.to_thread(_read, place, stamp)
            if len(self._kept) >= KEPT:
                self._kept.clear()
            self._kept[name] = kept
        return _answer(kept, name, scope)

    def _place(self, name: str) -> Path | None:
        root = self.root.resolve()
        try:
            place = (root / name.lstrip("/")).resolve()
            return place if place.is_relative_to(root) and place.is_file() else None
        except (OSError, ValueError, RuntimeError):  # the last: links in a circle
            return None


def _read(place: Path, stamp: tuple[int, int]) -> Kept:
    data = place.read_bytes()
    kind = mimetypes.guess_type(place.name)[0] or "application/octet-stream"
    pays = kind.startswith(_TEXT) and len(data) >= PACKED_FROM
    etag = b'"%s"' % hashlib.sha256(data).hexdigest()[:20].encode()
    return Kept(stamp, kind, etag, data, gzip.compress(data, 6, mtime=0) if pays else None)


def _answer(kept: Kept, name: str, scope: object) -> Answer:
    headers: Headers = [
        *PAGE_HEADERS,
        (b"etag", kept.etag),
        (b"cache-control", FOREVER if _HASHED.search(name) else ASK),
        (b"vary", b"Accept-Encoding"),
    ]
    if kept.etag in (header(scope, b"if-none-match") or b""):
        return Answer(304, b"", headers)
    body = kept.data
    if kept.packed is not None and b"gzip" in (header(scope, b"accept-encoding") or b""):
        body = kept.packed
        headers.append((b"content-encoding", b"gzip"))
    charset = "; charset=utf-8" if kept.media_type.startswith("text/") else ""
    headers.append((b"content-type", f"{kept.media_type}{charset}".encode()))
    headers.append((b"content-length", b"%d" % len(body)))
    return Answer(200, body, headers)


def html_answer(text: str, status: int = 200) -> Answer:
    """A small page of our own."""
    body = text.encode()
    headers = [
        *PAGE_HEADERS,
        (b"content-type", b"text/html; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"content-length", b"%d" % len(body)),
    ]
    return Answer(status, body, headers)


def simple_page(title: str, *paragraphs: str, home: str = "./") -> str:
    """The text of a page that says something; `home` leads to the hub's own."""
    inside = "".join(f"<p>{html.escape(text)}</p>" for text in paragraphs)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>body{{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;"
        "margin:15vh auto;padding:0 1rem;color-scheme:light dark}</style></head><body>"
        f"<main><h1>{html.escape(title)}</h1>{inside}"
        f'<p><a href="{home}">Generation Hub</a></p></main></body></html>'
    )
