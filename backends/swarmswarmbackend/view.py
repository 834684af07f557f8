"""What the other hub has, looked at now and then in a session that draws nothing."""

from typing import Any

from msgspec import Struct, structs

from backends.contract import (
    Emit,
    Held,
    Misconfigured,
    Offers,
    Ready,
    RemoteModel,
    Report,
    Unreachable,
)
from backends.swarmswarmbackend import listing
from backends.swarmswarmbackend.engine import SwarmSettings
from backends.swarmswarmbackend.server import (
    DEAD_SESSION,
    NO_PERMISSION,
    NO_ROUTE,
    Hello,
    Refused,
    Server,
)

DEPTH = 20
"""How many folders deep models are looked for; hubs hold it to this."""


class Seen(Struct, frozen=True):
    """The other hub as it was last looked at; `spelled` are its names of models by ours where they differ."""

    engines: tuple[listing.Engine, ...] = ()
    models: tuple[RemoteModel, ...] = ()
    spelled: dict[str, str] = {}
    choices: listing.Choices = listing.Choices()


class View:
    """Looks at the other hub and tells of it. `own` is this hub's id, "" when it has none."""

    def __init__(self, server: Server, settings: SwarmSettings, own: str, emit: Emit) -> None:
        self.seen = Seen()
        self._server = server
        self._forwarding = settings.allow_forwarding
        self._own = own
        self._emit = emit
        self._session = ""
        self._there = ""
        self._said: dict[type, Report] = {}

    @property
    def held(self) -> tuple[str, ...]:
        """Our names of the models in its memory."""
        return listing.held_by(self.seen.engines, self.seen.spelled)

    async def begin(self) -> None:
        """Come in, and tell of everything. Raises Unreachable, Misconfigured."""
        hello = await self._server.greet()
        self._session = hello.session_id
        self._refuse_circles(hello)
        await self.look()

    async def look(self) -> None:
        """See everything it has, and tell of it. Raises Unreachable, Misconfigured."""
        await self._take(await self._allowed("ListT2IParams") or {})

    async def refresh(self) -> None:
        """Have it look for new models, then see everything. Raises Unreachable, Misconfigured."""
        await self._take(await self._allowed("TriggerRefresh", {"strong": True}) or {})

    async def _take(self, params: dict[str, Any]) -> None:
        """Tell of everything, beginning with an answer about its parameters."""
        choices = listing.choices_of(params)
        found = [*listing.upscaler_models(choices)]
        for subtype in listing.SUBTYPES:
            body = {
                "path": "",
                "depth": DEPTH,
                "subtype": subtype,
                "allowRemote": self._forwarding,
                "dataImages": False,
            }
            found += listing.models_of(await self._allowed("ListModels", body) or {}, subtype)
        models, spelled = listing.as_ours(found)
        self.seen = structs.replace(self.seen, models=models, spelled=spelled, choices=choices)
        self._tell(Offers(models))
        await self.glance()

    async def glance(self) -> None:
        """See how its engines are, and tell of it. Raises Unreachable, Misconfigured."""
        health = await self._server.health()
        self._refuse_circles(Hello("", health.server_id, servers=health.servers))
        engines, features, slots = await self._engines()
        self.seen = structs.replace(self.seen, engines=engines)
        choices = self.seen.choices
        servers = tuple(one for one in (self._there, *health.servers) if one)
        self._tell(Ready("", features, choices.samplers, choices.schedulers, slots, servers))
        self._tell(Held(self.held))

    def doubt_held(self) -> None:
        """Something else was said of what is in its memory: say it again when it is looked at next."""
        self._said.pop(Held, None)

    def _tell(self, report: Report) -> None:
        """Say what has changed: what is said again would pass for progress of works."""
        if self._said.get(type(report)) != report:
            self._said[type(report)] = report
            self._emit(report)

    async def call(self, name: str, body: dict[str, Any] | None = None, seconds: float | None = None) -> Any:
        """A call in the session of no work; a dead one is begun anew. Raises Unreachable, Refused."""
        try:
            return await self._server.call(name, self._session, body, seconds=seconds)
        except Refused as refusal:
            if refusal.error_id != DEAD_SESSION:
                raise
        self._session = (await self._server.hello()).session_id
        return await self._server.call(name, self._session, body, seconds=seconds)

    async def _engines(self) -> tuple[tuple[listing.Engine, ...], tuple[str, ...], int]:
        """Its engines, what they can do, and how many works they take at once. Raises Unreachable."""
        answer = await self._allowed("ListBackends", {"nonreal": True, "full_data": True})
        forwarding = self._forwarding
        if answer is None:  # whose user may not see engines hands pictures to whichever there are
            if not forwarding:
                raise Misconfigured(
                    "With AllowForwarding off, the user there needs the permission view_backends_list."
                )
            status = await self._allowed("GetCurrentStatus") or {}
            return (), listing.known_features(status.get("supported_features") or ()), 0
        engines = listing.engines_of(answer, forwarding=forwarding)
        if not engines:
            raise Unreachable("The other hub has no engine that works; see its own list of backends.")
        return engines, listing.features_of(engines), sum(engine.slots for engine in engines)

    def _refuse_circles(self, hello: Hello) -> None:
        """Raises Misconfigured when pictures would come back to this hub, Unreachable for another start."""
        if hello.server_id and self._there and hello.server_id != self._there:
            raise Unreachable("The other hub was started anew.")
        self._there = self._there or hello.server_id
        if not self._own:
            return
        if self._own == hello.server_id:
            raise Misconfigured("Address leads to this hub itself; give another one's.")
        if self._own in (hello.servers or ()):
            raise Misconfigured(
                "The other hub has this one among its own engines, or behind them: pictures would go round "
                "in a circle. Take one of the two out."
            )

    async def _allowed(self, name: str, body: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """The answer, None where nobody or not this user may ask. Raises Unreachable for other refusals."""
        try:
            answer: dict[str, Any] = await self.call(name, body)
        except Refused as refusal:
            if refusal.error_id in (NO_PERMISSION, NO_ROUTE):
                return None
            raise Unreachable(f"The other hub does not tell what it has: {refusal}") from None
        return answer
