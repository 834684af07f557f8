"""A real hub on a free port, for tests: started and stopped in the test's own loop."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import httpx
import websockets
from websockets.asyncio.client import ClientConnection

from hub.accounts import Accounts
from hub.app import Hub, build
from hub.settings import load
from hub.wire.route import Route
from hub.wire.server import Server, listen, make_server
from tests.hub.empty_database import lay_down

Room = TypeVar("Room")
DEFAULTS = {"network.port": "0", "engines.start_at_boot": "false", "network.stop_seconds": "1"}


class RunningHub:
    """A hub that listens. `session` is a session of the local owner, `http` a client at its address, `behind`
    the hub that draws for it (None: it draws itself).
    """

    def __init__(self, app: Hub, server: Server, port: int) -> None:
        self.app = app
        self.server = server
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        # Plain HTTP only: reading the certificates would take 50 ms of every test.
        self.http = httpx.AsyncClient(base_url=self.url, timeout=30, verify=False, trust_env=False)  # noqa: S501
        self.session = ""
        self.behind: RunningHub | None = None
        self._users = 0

    def room(self, kind: type[Room]) -> Room:
        """A room of the running hub by its type."""
        return cast("Room", self.app.board.rooms[kind])

    @property
    def drawing(self) -> "RunningHub":
        """The hub whose engines draw, this one or the one behind it."""
        return self.behind or self

    async def session_as(self, role: str) -> str:
        """A session of a new user who has exactly this role."""
        accounts = self.room(Accounts)
        self._users += 1
        name = f"{role}_person{self._users}"
        await accounts.users.add(name, roles=(role,))
        return await accounts.sessions.issue(name)

    async def post(self, path: str, body: object, **headers: str) -> httpx.Response:
        """POST a JSON body as it is."""
        return await self.http.post(path, json=body, headers=headers)

    async def call(self, name: str, /, **body: Any) -> Any:
        """The answer of /API/<name>, sent with our session unless `session_id` says otherwise."""
        answer = await self.post(f"/API/{name}", {"session_id": self.session, **body})
        return answer.json()

    @contextlib.asynccontextmanager
    async def socket(self, path: str, **options: Any) -> AsyncIterator[ClientConnection]:
        """An open websocket to a path like /API/Name."""
        address = f"ws://127.0.0.1:{self.port}{path}"
        async with websockets.connect(address, max_size=None, proxy=None, **options) as connection:
            yield connection

    async def talk(self, name: str, /, **body: Any) -> list[Any]:
        """Every frame of /API/<name> until it is closed, after one request frame."""
        async with self.socket(f"/API/{name}") as connection:
            await connection.send(json.dumps({"session_id": self.session, **body}))
            return [json.loads(frame) async for frame in connection]


@contextlib.asynccontextmanager
async def running(
    data: Path, overrides: Mapping[str, str], routes: Iterable[Route] = ()
) -> AsyncIterator[RunningHub]:
    """Start a hub on `data`, stop it afterwards; several may follow each other on the same folder."""
    settings = load(data, {**DEFAULTS, **overrides})
    await lay_down(settings.folders.database)
    app = build(settings, routes)
    sockets = listen(settings.network.host, settings.network.port)
    server = make_server(app, settings.network, "warning", app.board.farewell, with_signals=False)
    app.board.ending.use(server.end)
    started = asyncio.Event()

    async def run() -> None:
        # One task from start to end: the framework's lifespan must be left where it was entered.
        async with app.lifespan():
            started.set()
            await server.serve(sockets)

    serving = asyncio.create_task(run())
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if serving.done():
        await serving
    hub = RunningHub(app, server, sockets[0].getsockname()[1])
    try:
        accounts = hub.room(Accounts)
        shown = accounts.tokens.check(await accounts.tokens.create("local", "tests"))
        # With a token of its own, so that it outlives the first owner account.
        hub.session = await accounts.sessions.issue("local", token=shown.id if shown else "")
        yield hub
    finally:
        await hub.http.aclose()
        server.should_exit = True
        await serving
