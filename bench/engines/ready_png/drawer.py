"""The worker side of the bench engine: no drawing, one ready file for every work."""

import io
import random

from PIL import Image as Pictures

from backends.contract import Command, Done, Emit, Image, Load, Loaded, Ready, Started, Submit
from ready_png.engine import Settings


def ready_picture(kilobytes: int) -> bytes:
    """A 512x512 RGB PNG of about `kilobytes` KiB: noise in as many rows as that size needs."""
    rows = min(512, max(1, round(kilobytes * 1024 / (512 * 3))))
    noise = random.Random(7).randbytes(512 * 3 * rows)
    picture = Pictures.frombytes("RGB", (512, 512), noise + bytes(512 * 3 * (512 - rows)))
    kept = io.BytesIO()
    picture.save(kept, "PNG", compress_level=1)
    return kept.getvalue()


class ReadyPng:
    """A drawer whose every work is finished as it arrives."""

    def __init__(self, settings: Settings, emit: Emit) -> None:
        self.emit = emit
        self.data = ready_picture(settings.kilobytes)

    def start(self) -> None:
        """Say that work can come."""
        self.emit(Ready(device="bench"))

    def handle(self, command: Command) -> None:
        """Answer a work with the ready picture, a load with its being there; the rest needs no answer."""
        if isinstance(command, Submit):
            work = command.work
            self.emit(Started(id=work.id, steps=work.steps))
            self.emit(Image(id=work.id, data=self.data, format="PNG"))
            self.emit(Done(id=work.id))
        elif isinstance(command, Load):
            self.emit(Loaded(model=command.model.name, models=(command.model.name,), ticket=command.ticket))

    def stop(self) -> None:
        """Nothing is held."""
