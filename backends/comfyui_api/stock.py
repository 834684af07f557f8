"""What a server has, read now and then and said whenever it is news."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from backends.comfyui_api import offers
from backends.comfyui_api.calls import BadAnswer
from backends.comfyui_api.server import Server, System
from backends.comfyui_api.server_info import ServerInfo
from backends.contract import Emit, Misconfigured, Offers, Ready, Report, Unreachable

_OLDEST = (0, 3, 44)  # before it a server gives prompts ids of its own
_REFRESH = 600.0  # seconds between two looks at what the server has; the answer is large
_CALM = 15.0  # seconds at least between two looks on demand
_DESCRIBED = 1000  # files at most that are asked what they say of themselves
_PACE = 0.02  # seconds between two such questions

Memory = dict[tuple[str, str], Mapping[str, str]]
"""What files say of themselves, kept over lives: by folder and name."""


class Stock:
    """What one server has. `info` is what it said last, `known` whether it has said it. `slots` is how many
    works it may hold at once, which is told with the rest.
    """

    def __init__(self, server: Server, slots: int, memory: Memory, emit: Emit) -> None:
        self.info = ServerInfo()
        self.known = False
        self._server = server
        self._slots = slots
        self._memory = memory
        self._emit = emit
        self._system = System()
        self._embeddings: tuple[str, ...] = ()
        self._said: dict[type, Report] = {}
        self._stale = asyncio.Event()

    async def greet(self) -> None:
        """See that a server answers that can be spoken to. Raises Unreachable, Misconfigured."""
        self._system = await self._server.system()
        if self._system.version and self._system.version < _OLDEST:
            raise Misconfigured(
                f"The ComfyUI server is of version {'.'.join(map(str, self._system.version))}; update it to "
                "0.3.56 or later."
            )

    async def look(self) -> None:
        """Read what the server has, and say what is news. Raises Unreachable, Misconfigured, BadAnswer."""
        self.info = await self._server.info()
        self._embeddings = await self._server.files(offers.EMBEDDINGS)
        self._say(Offers(offers.offers(self.info, self._embeddings, self._memory)))
        self._say(
            Ready(
                device=self._system.device,
                features=offers.features_of(self.info),
                samplers=offers.samplers(self.info),
                schedulers=offers.schedulers(self.info),
                slots=self._slots,
            )
        )
        self.known = True

    def stale(self) -> None:
        """What is known may no longer be so: look again soon."""
        self._stale.set()

    async def keep(self) -> None:
        """Look again now and then, and soon when asked to."""
        await self._describe()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_REFRESH):
                    await self._stale.wait()
            self._stale.clear()
            with suppress(Unreachable, BadAnswer):
                await self.greet()
                await self.look()
                await self._describe()
            await asyncio.sleep(_CALM)

    async def _describe(self) -> None:
        """Ask files what they say of themselves, unhurried; offers are said again when that was news."""
        wanted = offers.described(self.info, self._embeddings)
        news = [one for one in wanted if one not in self._memory][:_DESCRIBED]
        with suppress(Unreachable, BadAnswer):
            for folder, name in news:
                self._memory[folder, name] = await self._server.metadata(folder, name)
                await asyncio.sleep(_PACE)
        if any(self._memory.get(one) for one in news):
            self._say(Offers(offers.offers(self.info, self._embeddings, self._memory)))

    def _say(self, report: Report) -> None:
        if self._said.get(type(report)) != report:
            self._said[type(report)] = report
            self._emit(report)
