"""What speaks to one ComfyUI server, life after life."""

import asyncio

from msgspec import structs

from backends.comfyui_api.life import Life
from backends.comfyui_api.prompts import lasting_id
from backends.comfyui_api.settings import ComfyApiSettings
from backends.comfyui_api.stock import Memory
from backends.comfyui_api.way import Way
from backends.contract import Cancel, Command, Free, Load, LoadFailed, Refresh, Submit, Surroundings, Watch


class ComfyClient:
    """The client of one ComfyUI server; see contract.Client. Making one does nothing yet."""

    def __init__(self, settings: ComfyApiSettings, surroundings: Surroundings) -> None:
        self._settings = settings
        self._surroundings = surroundings
        self._memory: Memory = {}
        self._left: dict[str, str] = {}  # prompts by work, where an earlier life was broken off
        self._life: Life | None = None

    async def run(self) -> None:
        """One life; see contract.Client."""
        around = self._surroundings
        # Prompts are named after the hub: under an id that a restart changes none of them is found again.
        hub = await asyncio.to_thread(lasting_id, around.keep, around.server)
        life = Life(self._settings, structs.replace(around, server=hub), self._memory, self._left)
        self._life = life
        try:
            await life.run()
        finally:
            self._life = None
            self._left = life.unfinished()
            await life.end()

    @property
    def address(self) -> str:
        """Where it is looked whether anybody listens; see contract.Client."""
        return self._settings.address

    def handle(self, command: Command) -> None:
        """Take a command without waiting."""
        life = self._life
        if life is None:
            return
        match command:
            case Submit(work=work):
                life.submit(work)
            case Cancel(ids=ids):
                for one in ids:
                    life.cancel(one)
            case Watch(ids=ids, watched=watched):
                for one in ids:
                    life.watch(one, watched)
            case Load(ticket=ticket, model=model):
                reason = "A ComfyUI server loads a model with the first picture that needs it; ask for one."
                self._surroundings.emit(LoadFailed(model.name, reason, ticket))
            case Free():
                life.free()
            case Refresh():
                life.stale()
            case _:
                pass

    def way(self) -> Way | None:
        """The way to the server itself, None while nobody answers there."""
        return self._life.way() if self._life is not None else None
