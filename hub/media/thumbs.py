"""Small pictures for lists, made in a thread, kept in memory."""

import asyncio
import os
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

from PIL import Image, UnidentifiedImageError

SIDE = 256
MOST_PIXELS = 64_000_000  # larger pictures are shown without a thumbnail rather than decoded
MOST_BYTES = 64 << 20
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
_QUALITY = 75


class Thumbs:
    """Thumbnails by file and its time of change."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._made: OrderedDict[tuple[str, int], bytes | None] = OrderedDict()
        self._making: dict[tuple[str, int], asyncio.Future[bytes | None]] = {}
        self._bytes = 0
        self._most_bytes = most_bytes
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="thumb")

    async def of(self, file: Path) -> bytes | None:
        """A JPEG of at most 256 pixels a side; None when the file is no picture of a bearable size."""
        key = (str(file), file.stat().st_mtime_ns)
        if key in self._made:
            self._made.move_to_end(key)
            return self._made[key]
        waiting = self._making.get(key)
        if waiting is None:
            loop = asyncio.get_running_loop()
            waiting = self._making[key] = asyncio.ensure_future(
                loop.run_in_executor(self._threads, make_thumbnail, file)
            )
            waiting.add_done_callback(lambda done: self._keep(key, done))
        return await asyncio.shield(waiting)

    def forget(self, folder: Path) -> None:
        """Let go of every thumbnail of files below a folder."""
        inside = f"{folder}{os.sep}"
        for key in [key for key in self._made if key[0].startswith(inside)]:
            self._bytes -= len(self._made.pop(key) or b"")

    def let_go(self) -> int:
        """Forget every thumbnail, to be made anew when it is looked at; how many bytes."""
        freed, self._bytes = self._bytes, 0
        self._made.clear()
        return freed

    def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _keep(self, key: tuple[str, int], done: "asyncio.Future[bytes | None]") -> None:
        self._making.pop(key, None)
        if done.cancelled() or done.exception() is not None:
            return
        self._made[key] = made = done.result()
        self._bytes += len(made or b"")
        while self._bytes > self._most_bytes:
            _, old = self._made.popitem(last=False)
            self._bytes -= len(old or b"")


def make_thumbnail(file: Path) -> bytes | None:
    """Decode, shrink and encode; for a thread."""
    try:
        with Image.open(file, formats=_FORMATS) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                return None
            picture.draft("RGB", (SIDE, SIDE))
            small = picture.convert("RGB") if picture.mode not in ("RGB", "RGBA", "LA") else picture
            small.thumbnail((SIDE, SIDE))
            if small.mode != "RGB":
                ground = Image.new("RGB", small.size, (127, 127, 127))
                ground.paste(small, mask=small.getchannel("A"))
                small = ground
            out = BytesIO()
            small.save(out, "JPEG", quality=_QUALITY)
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError):
        return None
    return out.getvalue()
