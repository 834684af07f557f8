"""Engines elsewhere that draw, for tests: lighthouses whose keeper paints what the beacon engine asks for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path

import msgspec
from PIL import Image as Pictures

from backends.contract import (
    Cancel,
    Cancelled,
    Command,
    Done,
    Image,
    Load,
    Loaded,
    Offers,
    Progress,
    Ready,
    RemoteModel,
    Report,
    Started,
    Submit,
    Work,
)
from backends.watch import WatchOptions
from tests.backends.lighthouse import Lighthouse
from tests.hub.running import RunningHub, running
from tests.swarm_api.sketching import ENGINES, SETTINGS

BEACONS = Path(__file__).parents[1] / "backends" / "engines"
QUICK = WatchOptions(ping=0.05, silent=0.4, stuck=1.0, stall=5.0, start=5, stop=2, again=0.2)
WAVE = RemoteModel("sea/wave.safetensors", "Stable-Diffusion", title="Wave", class_id="stable-diffusion-v1")
CALM = RemoteModel("sea/calm.safetensors", "Stable-Diffusion")
FOAM = RemoteModel("foam.safetensors", "LoRA")

_commands = msgspec.json.Decoder(Command)


class Painter(Lighthouse):
    """Draws every picture in `steps` steps of `step` seconds each. It holds one model at a time and says that
    it took `load` seconds to load it (it took none). Once `mute` it takes works, begins them
    and says nothing more; while `brush` is clear it waits before the last step. `drawn` are the works it
    has finished, `begun` those it has begun.
    """

    def __init__(self, *models: RemoteModel, slots: int = 1, step: float = 0.0, load: float = 0.0) -> None:
        super().__init__(greeting="")
        self.load = load
        self.models = models
        self.slots = slots
        self.step = step
        self.mute = False
        self.features: tuple[str, ...] = ("variation_seed", "loras")
        self.samplers: tuple[str, ...] = ()
        self.begun: list[Work] = []
        self.drawn: list[str] = []
        self.brush = asyncio.Event()
        self.brush.set()
        self._cancelled: set[str] = set()
        self._holds = ""
        self._drawing: set[asyncio.Task[None]] = set()

    def introduce(self) -> None:
        """Say what it has and can, again."""
        samplers = self.samplers
        schedulers = ("normal",) if samplers else ()
        self.say(Offers(self.models), Ready("brush", self.features, samplers, schedulers, slots=self.slots))

    async def until_begun(self, count: int = 1, seconds: float = 10) -> None:
        """Wait until it has begun so many works."""
        async with asyncio.timeout(seconds):
            while len(self.begun) < count:  # noqa: ASYNC110 - it may be so already
                await asyncio.sleep(0.01)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        self.connections += 1
        try:
            while line := await reader.readline():
                self.heard.append(line.decode().strip())
                self._news.set()
                self._hear(line)
        except ConnectionError:
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def _hear(self, line: bytes) -> None:
        if line.startswith(b"hello"):
            self.introduce()
            return
        match _commands.decode(line):
            case Submit(work=work):
                task = asyncio.get_running_loop().create_task(self._paint(work))
                self._drawing.add(task)
                task.add_done_callback(self._drawing.discard)
            case Cancel(ids=ids):
                self._cancelled.update(ids)
            case Load(ticket=ticket, model=model):
                self.say(self._hold(model.name, ticket))
            case _:
                pass

    def _hold(self, model: str, ticket: str = "") -> Report:
        self._holds = model
        return Loaded(model, (model,), ticket, self.load)

    async def _paint(self, work: Work) -> None:
        self.begun.append(work)
        if work.model.name != self._holds:
            self.say(self._hold(work.model.name))
        self.say(Started(work.id, work.steps))
        for step in range(1, work.steps + 1):
            self.say(Progress(work.id, step, work.steps, _picture((8, 8), "JPEG")))
            if self.mute:
                return
            await asyncio.sleep(self.step)
            if step == work.steps - 1:
                await self.brush.wait()
            if work.id in self._cancelled:
                self.say(Cancelled(work.id))
                return
        self.drawn.append(work.id)
        self.say(Image(work.id, _picture((work.width, work.height), "PNG"), "PNG"), Done(work.id))


def _picture(size: tuple[int, int], encoding: str) -> bytes:
    kept = BytesIO()
    Pictures.new("RGB", size, (0, 80, 160)).save(kept, encoding)
    return kept.getvalue()


@asynccontextmanager
async def shore(data: Path, *painters: Painter, here: bool = True, **more: str) -> AsyncIterator[RunningHub]:
    """A hub with the painters as engines, numbered from 1 (from 0 without the sketch engine `here`); one
    that has shone before stays dark. Their lamps go out with the hub."""
    for painter in painters:
        if not painter.port:
            await painter.light()
    lines = [*(["sketch"] if here else []), *(f"beacon address={painter.address}" for painter in painters)]
    overrides = {
        **SETTINGS,
        "folders.engines": f"{ENGINES},{BEACONS}",
        "engines.types": ",".join(lines),
        **{name.replace("__", "."): value for name, value in more.items()},
    }
    try:
        async with running(data, overrides) as hub:
            yield hub
    finally:
        for painter in painters:
            await painter.darken()
