"""One thread a picture. Words in the prompt steer it:

`slow` takes 30 ms a step, `hold` waits to be cancelled, `stubborn` draws on when cancelled, `fail` fails,
`empty` finishes without a picture, `load` reports loading first, `crash` kills the process at step two,
`crash once <file>` does so while that file does not exist.
"""

import os
import signal
import threading
import time
from io import BytesIO
from pathlib import Path

from PIL import Image as Pictures
from PIL import ImageColor

from backends.contract import (
    Cancel,
    Cancelled,
    Command,
    Done,
    Emit,
    Failed,
    Image,
    Load,
    Loaded,
    Loading,
    Progress,
    Ready,
    Started,
    Submit,
    Watch,
    Work,
)
from sketch.engine import ENGINE, SketchSettings

COLOURS = ("red", "green", "blue", "yellow", "white", "black")
FORMATS = {"PNG": "PNG", "JPG": "JPEG", "WEBP": "WEBP", "WEBP_LOSSLESS": "WEBP"}


class Sketch:
    """A drawer for tests."""

    def __init__(self, settings: SketchSettings, emit: Emit) -> None:
        self._emit = emit
        self._cancelled: set[str] = set()
        self._watched: dict[str, bool] = {}

    def start(self) -> None:
        self._emit(Ready("paper", ENGINE.features, ENGINE.samplers, ENGINE.schedulers))

    def handle(self, command: Command) -> None:
        match command:
            case Submit(work=work):
                threading.Thread(target=self._draw, args=(work,), daemon=True).start()
            case Cancel(ids=ids):
                self._cancelled.update(ids)
            case Watch(ids=ids, watched=watched):
                self._watched.update(dict.fromkeys(ids, watched))
            case Load(ticket=ticket, model=model):
                self._emit(Loaded(model.name, (model.name,), ticket))
            case _:
                pass

    def stop(self) -> None:
        pass

    def _draw(self, work: Work) -> None:
        words = work.prompt.split()
        if "load" in words:
            self._emit(Loading(work.id, work.model.name))
            time.sleep(0.03)
            self._emit(Loaded(work.model.name, (work.model.name,)))
        self._emit(Started(work.id, work.steps))
        if "fail" in words:
            self._emit(Failed(work.id, "The pencil broke."))
            return
        for step in range(1, work.steps + 1):
            if "hold" in words:
                while work.id not in self._cancelled:
                    time.sleep(0.005)
            if work.id in self._cancelled and "stubborn" not in words:
                self._emit(Cancelled(work.id))
                return
            time.sleep(0.03 if "slow" in words else 0)
            if step == 2:
                _crash_if_asked(words)
            watched = self._watched.get(work.id, work.previews)
            preview = _picture(work, "JPEG", (32, 32)) if watched else None
            self._emit(Progress(work.id, step, work.steps, preview))
        if "empty" not in words:
            data = _picture(work, FORMATS[work.format], (work.width, work.height))
            self._emit(Image(work.id, data, work.format, seconds=0.25, notes={"unknown_words": ["blorb"]}))
        self._emit(Done(work.id))


def _crash_if_asked(words: list[str]) -> None:
    if "crash" not in words:
        return
    if "once" in words:
        mark = Path(words[words.index("once") + 1])
        if mark.exists():
            return
        mark.touch()
    os.kill(os.getpid(), signal.SIGKILL)


def _picture(work: Work, encoding: str, size: tuple[int, int]) -> bytes:
    colour = next((word for word in work.prompt.split() if word in COLOURS), "white")
    kept = BytesIO()
    options = {"lossless": True} if work.format == "WEBP_LOSSLESS" else {}
    Pictures.new("RGB", size, ImageColor.getrgb(colour)).save(kept, encoding, **options)
    return kept.getvalue()
