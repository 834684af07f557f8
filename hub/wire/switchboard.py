"""Where every call comes together: the table of routes, who is calling, and the sockets that are open."""

import asyncio
import logging
import secrets
from collections.abc import Iterable
from typing import Any, Protocol

from hub.accounts import Accounts, Caller
from hub.errors import DeadSession, Forbidden, HubError, NotStored, storage_trouble
from hub.settings import Settings
from hub.wire.answers import Broken, Framing, NoRoute, Stopping, WrongKind, encode
from hub.wire.bind import SESSION, text_of
from hub.wire.door import Door, Gatekeeper
from hub.wire.ending import Ending
from hub.wire.route import Route
from hub.wire.table import Bound, Rooms, Table

SERVICE_RESTART = 1012
LOG = logging.getLogger("hub.wire")


class Conversation(Protocol):
    """An open socket, as far as whoever ends it must know."""

    def push(self, frame: bytes) -> None:
        """Send a JSON frame without waiting."""

    def dismiss(self, frame: bytes) -> None:
        """Send a last frame; nothing the route says after it goes out."""

    async def close(self, code: int = 1000) -> None:
        """Close it once what was pushed is out."""

    def end(self, code: int) -> None:
        """Close it now."""


class Switchboard:
    """The hub's one exchange. Built with the app, opened when the rooms are there."""

    def __init__(self, settings: Settings, routes: Iterable[Route]) -> None:
        self.settings = settings
        self.routes = tuple(routes)
        self.gate = Gatekeeper(settings.network)
        self.most = settings.network.max_request_mib * 2**20
        self.table = Table((), {})
        self.rooms: Rooms = {}
        self.accounts: Accounts | None = None
        self.ending = Ending()
        self.stopping = False
        """True once the farewell was said."""
        self._streams: dict[str, set[Conversation]] = {}
        self._held: dict[Conversation, tuple[Caller, str]] = {}  # whose a socket is, and by which flag

    def open(self, rooms: Rooms, accounts: Accounts) -> None:
        """Bind every route to its rooms; raises Undeclared when one is missing."""
        self.rooms = rooms
        self.accounts = accounts
        accounts.sessions.on_end(self.session_ended)
        accounts.sessions.on_change(self.roles_changed)
        accounts.tokens.on_end(self.token_ended)
        self.table = Table(self.routes, rooms)

    def admit(
        self, shelf: dict[str, Bound], key: str, session_id: str | None, scope: Any, *, socket: bool
    ) -> "Admitted":
        """The route and its caller, or the documented refusal, in the documented order: session, name,
        kind, flag."""
        bound = shelf.get(key)
        caller: Caller | None = None
        if bound is None or bound.permission is not None:
            if session_id is None:
                raise Framing("missing session id", field=SESSION)
            caller = self._by_session(session_id, scope)
        return self.checked(bound, caller, socket=socket)

    def _by_session(self, session_id: str, scope: Any) -> Caller:
        """Raises DeadSession for an id that is none, TooManyGuesses where too many of those came from."""
        if self.accounts is None:
            raise DeadSession
        caller = self.accounts.sessions.find(session_id)
        door = Door(scope)
        if caller is None:
            self.accounts.guesses.missed(door.peer, door.is_loopback)
            raise DeadSession
        self.accounts.guesses.found(door.peer, door.is_loopback, caller.address)
        return caller

    def checked(self, bound: Bound | None, caller: Caller | None, *, socket: bool) -> "Admitted":
        """The same for a caller already known."""
        if bound is None:
            raise NoRoute(socket=socket)
        if bound.socket is not socket:
            raise WrongKind(needs_socket=bound.socket)
        if bound.permission is not None:
            if caller is None or not caller.may(bound.permission):
                raise Forbidden(bound.permission)
            if bound.active and self.accounts is not None:
                self.accounts.sessions.active(caller)
        return bound, caller

    def visitor(self, scope: Any, session_id: str | None = None) -> Caller:
        """The caller of a page, a picture or a GET route: by session header, else by cookie, token or as
        the local user. Raises DeadSession for nobody we know."""
        if self.accounts is None:
            raise DeadSession
        if session_id is not None:
            return self._by_session(session_id, scope)
        caller = self.accounts.visitor(Door(scope))
        if caller is None:
            raise DeadSession
        return caller

    def joined(
        self, session: str, stream: Conversation, caller: Caller | None = None, flag: str | None = None
    ) -> None:
        """Remember an open socket under its session ("" for none), and by which flag its caller has it."""
        self._streams.setdefault(session, set()).add(stream)
        if caller is not None:
            self._held[stream] = (caller, flag or "")

    def left(self, session: str, stream: Conversation) -> None:
        """Forget it."""
        self._held.pop(stream, None)
        members = self._streams.get(session)
        if members is not None:
            members.discard(stream)
            if not members:
                del self._streams[session]

    @property
    def open_sockets(self) -> int:
        """How many sockets are in a conversation now."""
        return sum(len(members) for members in self._streams.values())

    def session_ended(self, session: str) -> None:
        """Tell the session's sockets and close them, the way a dead session id is answered."""
        for stream in tuple(self._streams.get(session, ())):
            dismiss(stream, DeadSession())

    def token_ended(self, token: str) -> None:
        """The same for sockets that were opened by a token alone, without a session."""
        for stream, (caller, _) in tuple(self._held.items()):
            if caller.token == token and not caller.session:
                dismiss(stream, DeadSession())

    def roles_changed(self, user: str | None) -> None:
        """Close the sockets whose callers lack the flag by now; `user` None: of everybody."""
        if self.accounts is None:
            return
        for stream, (caller, flag) in tuple(self._held.items()):
            if user not in (None, caller.user):
                continue
            try:
                if flag and not self.accounts.now(caller).may(flag):
                    dismiss(stream, Forbidden(flag))
            except DeadSession as gone:
                dismiss(stream, gone)

    def farewell(self) -> None:
        """The hub stops: tell every socket that accepted work goes on after the restart, then close with
        1012."""
        self.stopping = True
        frame = encode(Stopping().body())
        for members in tuple(self._streams.values()):
            for stream in tuple(members):
                stream.push(frame)
                close_soon(stream, SERVICE_RESTART)


Admitted = tuple[Bound, Caller | None]

_closing: set[asyncio.Task[None]] = set()
CLOSE_SECONDS = 3.0
"""How long a socket that is told to go may take to read its last frames."""


def dismiss(stream: Conversation, why: HubError) -> None:
    """Tell a socket why it ends, as its last frame, and close it."""
    stream.dismiss(encode(why.body()))
    close_soon(stream, 1000)


def close_soon(stream: Conversation, code: int) -> None:
    """Close after what was pushed is out, without making the caller wait."""

    async def close() -> None:
        try:
            await asyncio.wait_for(stream.close(code), CLOSE_SECONDS)
        except TimeoutError:
            stream.end(code)

    task = asyncio.get_running_loop().create_task(close())
    _closing.add(task)
    task.add_done_callback(_closing.discard)


def session_id_of(body: dict[str, Any], header: bytes | None) -> str | None:
    """The session id of a request: the body's key, else the header X-Session-ID (swarm-api §1.4)."""
    value = body.get(SESSION)
    if value is not None:
        return text_of(value)
    return header.decode("latin-1") if header is not None else None


def as_error(problem: Exception, what: str) -> HubError:
    """Any exception of a route as a refusal; what we did not expect is logged under a word the answer
    repeats."""
    if isinstance(problem, HubError):
        return problem
    if (words := storage_trouble(problem)) is not None:
        LOG.error("%s could not be stored: %s", what, problem)
        return NotStored(words)
    trace = secrets.token_hex(4)
    LOG.error("%s failed [%s]", what, trace, exc_info=problem)
    return Broken(trace)
