"""A hub with the sketch engine, and a client that reads its frames."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection

from hub.accounts import Sessions
from hub.jobs import Jobs
from hub.jobs.events import JobEvent
from tests.hub.running import RunningHub

ENGINES = Path(__file__).parents[1] / "engines"
SETTINGS = {
    "engines.types": "sketch",
    "engines.start_at_boot": "true",
    "folders.engines": str(ENGINES),
    "engines.default_model": "doodle",
}
sketching = pytest.mark.hub_settings(*(f"{key}={value}" for key, value in SETTINGS.items()))
SMALL: dict[str, Any] = {"images": 1, "model": "doodle", "width": 64, "height": 64, "steps": 4}
Frame = dict[str, Any]


class Tenant(RunningHub):
    """A hub shared by a module's tests, as seen by a user who is new in it: no history, numbers from 1001."""

    def __init__(self, shared: RunningHub, user: str, session: str) -> None:
        self.__dict__.update(shared.__dict__)
        self.user = user
        self.session = session
        self.http = httpx.AsyncClient(base_url=shared.url, timeout=30, headers={"X-Session-ID": session})
        self.shared = shared

    async def session_as(self, role: str) -> str:
        """A session of a new user who has exactly this role."""
        return await self.shared.session_as(role)


@pytest_asyncio.fixture(loop_scope="module")
async def tenant(shared_hub: RunningHub) -> AsyncIterator[Tenant]:
    """A new owner in the module's hub; whatever the test leaves running is stopped."""
    session = await shared_hub.session_as("owner")
    caller = shared_hub.room(Sessions).find(session)
    assert caller is not None
    hub = Tenant(shared_hub, caller.user, session)
    try:
        yield hub
    finally:
        await hub.http.aclose()
        jobs = hub.room(Jobs)
        for user in list(jobs._tallies.users):
            jobs.interrupt(user=user)
        async with asyncio.timeout(60):
            while not jobs.counts().idle:  # noqa: ASYNC110 - it may be over already
                await asyncio.sleep(0.02)


class Talker:
    """One generation socket from the client's side; keeps every frame."""

    def __init__(self, socket: ClientConnection, session: str) -> None:
        self.socket = socket
        self.session = session
        self.frames: list[Frame] = []

    async def ask(self, **params: Any) -> None:
        """Send a request."""
        await self.socket.send(json.dumps({"session_id": self.session, **SMALL, **params}))

    async def until(self, wanted: Callable[[Frame], Any] | str, seconds: float = 20) -> Frame:
        """Read up to the first frame that has a key, or for which `wanted` holds."""
        found = (lambda frame: wanted in frame) if isinstance(wanted, str) else wanted
        async with asyncio.timeout(seconds):
            while True:
                frame: Frame = json.loads(await self.socket.recv())
                self.frames.append(frame)
                if found(frame):
                    return frame

    async def rest(self, seconds: float = 20) -> list[Frame]:
        """Every frame up to the close."""
        async with asyncio.timeout(seconds):
            self.frames += [json.loads(frame) async for frame in self.socket]
        return self.frames

    def of(self, key: str) -> list[Any]:
        """The values of a key over all frames that have it."""
        return [frame[key] for frame in self.frames if key in frame]


@asynccontextmanager
async def talking(hub: RunningHub, session: str | None = None) -> AsyncIterator[Talker]:
    """An open generation socket."""
    async with hub.socket("/API/GenerateText2ImageWS") as socket:
        yield Talker(socket, session or hub.session)


async def heard(hub: "Tenant | RunningHub", kind: type[JobEvent], seconds: float = 20) -> JobEvent:
    """The next event of a kind that happens to the jobs of the hub's user."""
    found: asyncio.Future[JobEvent] = asyncio.get_running_loop().create_future()

    def hear(event: JobEvent) -> None:
        if isinstance(event, kind) and not found.done():
            found.set_result(event)

    leave = hub.room(Jobs).listen_to_user(getattr(hub, "user", "local"), hear)
    try:
        return await asyncio.wait_for(found, seconds)
    finally:
        leave()


def kinds(frames: list[Frame]) -> list[str]:
    """What each frame is, by its first key."""
    return [next(iter(frame)) for frame in frames]
