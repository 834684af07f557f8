"""ExtractVideoAudio: the sound of a video as a file in the caller's history."""

import asyncio
import base64
import binascii
import tempfile
import time
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from hub.accounts import Caller
from hub.errors import BadInput, HubError
from hub.jobs import Jobs
from hub.media import Media, NoSound, NoSuchImage, NotSaved, find_ffmpeg
from hub.routes.t2i.images import NOT_SAVED, AddedImage
from hub.wire import api

NO_VIDEO = "That video does not exist."
BAD_URL = "The video must be a base64 data URL of a video, or the path of one below your outputs."
_HEAD = 100  # characters within which a data URL's comma must come
_PREFIXES = ("inputs/", "raw/", "Starred/")


class VideoIn(Struct, frozen=True):
    """A video and what to call its sound."""

    video: Annotated[
        str, Meta(description="A data URL, or a path that begins with inputs/, raw/ or Starred/.")
    ]
    filename: Annotated[str | None, Meta(description="Name of the new file, without ending.")] = None


class Sound(Struct, frozen=True):
    """Where the sound lies: below the user's outputs, and as an address."""

    path: str
    src: str


class SoundOut(Struct, frozen=True):
    """The sound, and the same as a result of a generation."""

    audio: Sound
    images: list[AddedImage]


@api("ExtractVideoAudio", permission="basic_image_generation", active=True)
async def extract_video_audio(caller: Caller, given: VideoIn, media: Media, jobs: Jobs) -> SoundOut:
    """Take the sound out of a video (MP3, by ffmpeg) and put it into the caller's history."""
    name = (given.filename or "").strip()[:100]
    jobs.admission.demand_room(caller, jobs.counts(user=caller.user).waiting_gens + 1, 0)
    try:
        find_ffmpeg()
        if not given.video.startswith("data:"):
            video = _own_file(caller.user, given.video, media)
            saved = await media.keep_sound(caller.user, video, name or video.stem, int(time.time() * 1000))
        else:
            with tempfile.TemporaryDirectory(prefix="hub-video-") as folder:
                video = Path(folder) / "video"
                await asyncio.to_thread(video.write_bytes, _decoded(given.video))
                saved = await media.keep_sound(caller.user, video, name or "video", int(time.time() * 1000))
    except NoSound as none:
        raise HubError(str(none), field="video") from none
    except NotSaved as trouble:
        raise HubError(NOT_SAVED, detail=str(trouble)) from trouble
    number = jobs.next_number(caller.user)
    return SoundOut(Sound(saved.path or "", saved.url), [AddedImage(saved.url, "0", str(number), None)])


def _own_file(user: str, path: str, media: Media) -> Path:
    if not path.startswith(_PREFIXES):
        raise BadInput(BAD_URL, field="video", limit=list(_PREFIXES))
    try:
        return media.gallery.file(user, path)
    except NoSuchImage as missing:
        raise HubError(NO_VIDEO, field="video") from missing


def _decoded(url: str) -> bytes:
    head, comma, _ = url[:_HEAD].partition(",")
    if not comma or not head.startswith("data:video/") or not head.endswith(";base64"):
        raise BadInput(BAD_URL, field="video", limit=list(_PREFIXES))
    try:
        return base64.b64decode(url[len(head) + 1 :], validate=True)
    except (binascii.Error, ValueError) as bad:
        raise BadInput(BAD_URL, field="video", limit=list(_PREFIXES)) from bad
