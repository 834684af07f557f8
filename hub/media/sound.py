"""The sound of a video as a file of its own, by ffmpeg where it is installed.

The file is foreign: its kind is told from its first bytes and named to ffmpeg, so that a playlist in disguise
can open nothing else, and ffmpeg may read files only.
"""

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path

ENDING = "mp3"
MOST_SECONDS = 120.0  # that ffmpeg may take
_KINDS = {b"\x1a\x45\xdf\xa3": "matroska", b"OggS": "ogg"}
_NO_FFMPEG = (
    "The sound of a video is taken out by ffmpeg, which is not installed where the hub runs. "
    "Install ffmpeg there and ask again."
)


class NoSound(Exception):
    """There is no sound to be had from this video; the text says why."""


def find_ffmpeg() -> str:
    """The program. Raises NoSound where it is not installed."""
    program = shutil.which("ffmpeg")
    if program is None:
        raise NoSound(_NO_FFMPEG)
    return program


def kind_of(head: bytes) -> str:
    """ffmpeg's name for a video file with these first bytes. Raises NoSound."""
    if head[4:8] == b"ftyp":
        return "mov"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    kind = _KINDS.get(head[:4])
    if kind is None:
        raise NoSound("The video is none of MP4, MOV, WebM, MKV, AVI or OGG.")
    return kind


async def take_sound(video: Path, target: Path, *, seconds: float = MOST_SECONDS) -> None:
    """Write the first sound track of `video` as MP3 to `target`. Raises NoSound, OSError."""
    ffmpeg = find_ffmpeg()
    with video.open("rb") as opened:
        kind = kind_of(opened.read(16))
    source = ["-protocol_whitelist", "file", "-f", kind, "-i", str(video.absolute())]
    sound = ["-map", "0:a:0", "-vn", "-sn", "-dn", "-map_metadata", "-1", "-q:a", "2", "-f", ENDING]
    process = await asyncio.create_subprocess_exec(
        ffmpeg,
        *("-nostdin", "-hide_banner", "-loglevel", "error", "-y"),
        *source,
        *sound,
        str(target.absolute()),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, said = await asyncio.wait_for(process.communicate(), seconds)
    except TimeoutError as late:
        raise NoSound(f"The video's sound was not ready after {seconds:.0f} seconds.") from late
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode != 0 or not target.is_file():
        why = said.decode("utf-8", "replace").strip().splitlines()
        raise NoSound(_why(why[-1] if why else ""))


def _why(said: str) -> str:
    if "matches no streams" in said:
        return "The video has no sound."
    return f"The video's sound could not be read ({said[:200] or 'no reason given'})."
