"""Turns what the engine thread finishes into reports, in order, off that thread.

Everything about a work goes through one queue: a preview's JPEG is made there, a result is handed from
there to two encoders, and so no preview can come after its picture. Of a work's previews only the newest is
drawn: when the thread is behind, those before it go out as bare progress. The engine thread never encodes
and never sends.
"""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from PIL import Image as Picture

from backends.contract import Done, Emit, Failed, Image, Log, Progress, Report, Work
from backends.diffusers_local.pictures import deep, pictures
from backends.diffusers_local.pictures.previews import Shower
from backends.diffusers_local.pictures.sizes import SizePlan


@dataclass(frozen=True, slots=True)
class Preview:
    """Latents (channels, h, w) to be shown after a step, on any device, drawn by `shower`."""

    progress: Progress
    latents: torch.Tensor
    shower: Shower


@dataclass(frozen=True, slots=True)
class Finished:
    """A drawing to be fitted and encoded; `pixels` gives the picture as the model drew it, `floats` are its
    colours (3, height, width) in -1..1 before they were rounded, where there are any.

    `finish` is called with the picture of the wanted size.
    """

    work: Work
    plan: SizePlan
    pixels: Callable[[], Picture.Image]
    load_seconds: float
    seconds: float
    notes: dict[str, str | int | float | bool | list[str]]
    centred: bool = False
    finish: Callable[[Picture.Image], Picture.Image] | None = None
    floats: pictures.Floats | None = None


@dataclass(frozen=True, slots=True)
class OnTheWay:
    """A picture that came up before the result, `seconds` after the drawing began."""

    work: Work
    picture: Picture.Image
    seconds: float


class Press:
    """One thread in order, two encoders behind it."""

    def __init__(self, emit: Emit, encoders: int = 2) -> None:
        self._emit = emit
        self._queue: queue.SimpleQueue[Report | Preview | OnTheWay | Finished | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._newest: dict[str, Preview] = {}  # of each work, among those that wait to be drawn
        self._encoders = ThreadPoolExecutor(encoders, thread_name_prefix="encode")
        self._thread = threading.Thread(target=self._run, name="press", daemon=True)
        self._thread.start()

    def put(self, what: Report | Preview | OnTheWay | Finished) -> None:
        """Say this after everything put before it."""
        if isinstance(what, Preview):
            with self._lock:
                self._newest[what.progress.id] = what
        self._queue.put(what)

    def close(self) -> None:
        """Finish what is in the queue."""
        self._queue.put(None)
        self._thread.join(2)
        self._encoders.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        while (what := self._queue.get()) is not None:
            if isinstance(what, Preview):
                self._emit(self._with_preview(what))
            elif isinstance(what, Finished):
                self._encoders.submit(self._encode, what)
            elif isinstance(what, OnTheWay):
                self._emit_on_the_way(what)
            else:
                self._emit(what)

    def _with_preview(self, preview: Preview) -> Progress:
        done = preview.progress
        with self._lock:
            if self._newest.get(done.id) is not preview:
                return done
            del self._newest[done.id]
        try:
            jpeg = preview.shower.jpeg(preview.latents.cpu().numpy())
            return Progress(done.id, done.step, done.steps, jpeg)
        except (ValueError, OSError, RuntimeError):
            return done  # a picture that cannot be shown yet is no reason to stop drawing it

    def _emit_on_the_way(self, passed: OnTheWay) -> None:
        """Encoded here, in order: it must not come after the result."""
        work = passed.work
        try:
            data = pictures.encode(passed.picture, work.format, work.quality)
        except (ValueError, OSError, KeyError) as error:
            self._emit(Log("warning", f"{work.id}: a picture on the way could not be encoded: {error}"))
            return
        self._emit(Image(work.id, data, work.format, seconds=passed.seconds, on_the_way=True))

    def _encode(self, done: Finished) -> None:
        work = done.work
        if deep.is_deep(work.extra) and (done.floats is None or done.finish is not None):
            self._emit(Failed(work.id, deep.NOT_FROM_PIXELS))
            return
        try:
            data = _deep(done) if deep.is_deep(work.extra) else _shallow(done)
        except Exception as error:
            self._emit(Failed(work.id, f"The picture could not be encoded as {work.format}: {error}"))
            return
        self._emit(Image(work.id, data, work.format, done.load_seconds, done.seconds, done.notes))
        self._emit(Done(work.id))


def _shallow(done: Finished) -> bytes:
    """The file with 8 bits a colour."""
    picture = pictures.fit(done.pixels(), done.plan, centred=done.centred)
    if done.finish is not None:
        picture = done.finish(picture)
    return pictures.encode(picture, done.work.format, done.work.quality)


def _deep(done: Finished) -> bytes:
    """The file with 16 bits a colour."""
    if done.floats is None:
        raise ValueError(deep.NOT_FROM_PIXELS)
    return deep.encode(deep.fit(done.floats, done.plan, centred=done.centred))
