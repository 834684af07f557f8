"""Whatever is sent over any socket: an error in words before the hub closes it, a documented close code, and
a hub that goes on serving and keeps nothing of it.
"""

import asyncio
import gc
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from hub.jobs import Jobs
from hub.wire.route import Route
from tests.hub.running import RunningHub
from tests.swarm_api.fuzzing import ROLES, SOCKETS, People, mutated, named
from tests.swarm_api.outside import outside
from tests.swarm_api.proper_calls import PROPER
from tests.swarm_api.sketching import SETTINGS

pytestmark = pytest.mark.asyncio(loop_scope="module")
HUB_SETTINGS = {
    **SETTINGS,
    "network.max_request_mib": "2",
    "limits.images": "8",
    "limits.waiting_images": "200",
    "downloads.private_addresses": "true",
}
PATIENCE = 60.0
GRACE = 0.02
CODES = {1000, 1002, 1007, 1008, 1009, 1012, 1013}
"""The codes that docs/api names."""
BROKEN = ("internal_error", "no_result")
MAY_GROW = 24 << 20
"""Bytes: the database's caches fill up, nothing else."""
Sessions = Callable[[random.Random], Awaitable[str | None]]
"""Gives the session of the next conversation."""


class Client:
    """One who opens sockets and behaves badly. `wrong` is what the hub did that it must not do, `seen` counts
    how the conversations ended."""

    def __init__(self, port: int, seed: int) -> None:
        self._port = port
        self._seed = seed
        self.wrong: list[str] = []
        self.seen: Counter[str] = Counter()
        self.sockets = 0

    async def many(self, count: int, sessions: Sessions, at_once: int = 16) -> None:
        """So many conversations over every route in turn, some at once. Raises what the hub did wrong."""
        left = list(range(count))

        async def some() -> None:
            while left:
                number = left.pop()
                dice = random.Random(f"{self._seed} {number}")
                await self._one(SOCKETS[number % len(SOCKETS)], await sessions(dice), dice)

        await asyncio.gather(*(some() for _ in range(at_once)))
        assert not self.wrong, "\n\n".join(self.wrong[:20])

    async def _one(self, route: Route, session: str | None, dice: random.Random) -> None:
        """A conversation of one of the kinds."""
        self.sockets += 1
        kinds = (_talk, _talk, _talk, _hurry, _noise, _flood)
        kind = dice.choice(kinds)
        sent: list[Any] = []
        address = f"ws://127.0.0.1:{self._port}{route.path}"
        try:
            async with asyncio.timeout(PATIENCE):
                async with websockets.connect(address, max_size=None, proxy=None, close_timeout=1) as socket:
                    got = await kind(Talk(socket, route, session, dice, sent))
                    self._judge(socket.close_code, got, f"{route.path} {kind.__name__} {str(sent)[:1200]}")
            self.seen[f"{kind.__name__} {socket.close_code}"] += 1
        except TimeoutError:
            self.wrong.append(f"{route.path} {kind.__name__} {str(sent)[:1200]}: neither a word nor a close")
        except OSError as wrong:
            self.wrong.append(f"{route.path} {kind.__name__} {str(sent)[:1200]}: {wrong!r}")

    def _judge(self, code: int | None, got: list[Any] | None, what: str) -> None:
        """What must hold of every conversation that waited for its answer."""
        if got is None:
            return
        if any(isinstance(frame, dict) and frame.get("error_id") in BROKEN for frame in got):
            self.wrong.append(f"{what}: broke: {str(got)[:400]}")
        if code is not None and code not in CODES:
            self.wrong.append(f"{what}: closed with {code}")
        if code is not None and code != 1013 and not got:
            self.wrong.append(f"{what}: closed without a word ({code})")


# ---- kinds of conversations --------------------------------------------------------------------------------


class Talk(NamedTuple):
    """One conversation: its socket, its route and whose it is."""

    socket: ClientConnection
    route: Route
    session: str | None
    dice: random.Random
    sent: list[Any]

    def proper(self, **more: Any) -> dict[str, Any]:
        """A proper first frame."""
        return {**named(PROPER.get(self.route.path, {}), {}), **more, "session_id": self.session}

    async def send(self, frame: str | bytes, text: bool | None = None) -> None:
        """Send, whether or not the other side still listens."""
        with suppress(websockets.ConnectionClosed):
            await self.socket.send(frame, text=text)

    async def read(self, most: int) -> list[Any]:
        """The first frame, and of what follows at once up to so many; or all until the close."""
        got: list[Any] = []
        try:
            while len(got) < most:
                async with asyncio.timeout(GRACE if got else PATIENCE):
                    frame = await self.socket.recv()
                got.append(json.loads(frame) if isinstance(frame, str) else frame)
        except websockets.ConnectionClosed:
            pass
        except TimeoutError:
            if not got:
                raise
        return got


async def _talk(talk: Talk) -> list[Any] | None:
    """A first frame with something wrong, further ones, and answers read for a while."""
    for _ in range(talk.dice.choice((1, 1, 1, 2, 4))):
        body = {**mutated(talk.dice, talk.proper()), "session_id": talk.session}
        talk.sent.append(body)
        await talk.send(json.dumps(body, ensure_ascii=talk.dice.random() < 0.5))
    return await talk.read(talk.dice.choice((1, 2, 9)))


async def _hurry(talk: Talk) -> list[Any] | None:
    """Leave in the middle: before, in or right behind the first frame."""
    body = json.dumps(talk.proper())
    if talk.dice.random() < 0.7:
        await talk.send(body[: talk.dice.choice((0, 1, len(body) // 2, len(body)))])
    if talk.dice.random() < 0.5:
        talk.socket.transport.abort()
    return None


async def _noise(talk: Talk) -> list[Any] | None:
    """What is no JSON object at all, after a proper frame or instead of it."""
    if talk.dice.random() < 0.4:
        await talk.send(json.dumps(talk.proper()))
    noise = nonsense(talk.dice)
    talk.sent.append((len(noise), noise[:60]))
    await talk.send(noise, text=None if isinstance(noise, str) or talk.dice.random() < 0.5 else True)
    return await talk.read(2)


async def _flood(talk: Talk) -> list[Any] | None:
    """Many frames at once and none of the answers read until all are out."""
    talk.socket.transport.pause_reading()
    for _ in range(talk.dice.choice((3, 80))):
        await talk.send(json.dumps(talk.proper(images=1)))
    talk.socket.transport.resume_reading()
    return await talk.read(3)


def nonsense(dice: random.Random) -> str | bytes:
    """What is no request: no JSON, no object, too deep, too large, no text."""
    return dice.choice(
        (
            *("", "{", "[]", "null", "3", '"text"', '{"a":NaN}', '{"a":1}{"b":2}', "\ufeff{}", "\x00"),
            *("[" * 200_000, '{"a":' * 100_000, '{"a":"' + "x" * 1_500_000 + '"}', "{}" * 700_000),
            *(b"\xff\xfe", b"\x80{}", b'{"session_id":"\xed\xa0\x80"}', b"{}", b"\x00" * 70_000),
            *(dice.randbytes(dice.randrange(1, 300)), dice.randbytes(3 << 20), '{"a":"\\ud800"}'),
            *('{"session_id":1e400}', '{"session_id":[[]]}', '{"a":1,"a":2}', '{"' + "k" * 70_000 + '":1}'),
        )
    )


# ---- the tests ---------------------------------------------------------------------------------------------


def sessions_of(hub: RunningHub) -> Sessions:
    """Sessions of somebody new each time one has ended, in all roles and none."""
    people = People(hub)

    async def session(dice: random.Random) -> str | None:
        return await people.session(dice.choice((*ROLES, "owner", "nobody")))

    return session


async def quiet(hub: RunningHub) -> None:
    """Wait until nobody is connected and nothing is drawn."""
    jobs = hub.room(Jobs)
    for user in list(jobs._tallies.users):
        jobs.interrupt(user=user)
    async with asyncio.timeout(PATIENCE):
        while hub.app.board.open_sockets or not jobs.counts().idle:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def kept_of_sockets() -> Counter[str]:
    """What is alive of conversations, by type."""
    gc.collect()
    kinds = (type(thing) for thing in gc.get_objects())
    rooms = ("hub.wire", "hub.routes", "uvicorn.protocols")
    return Counter(kind.__qualname__ for kind in kinds if str(kind.__module__).startswith(rooms))


async def test_a_sample_of_which_nothing_is_kept(
    shared_hub: RunningHub, caplog: pytest.LogCaptureFixture
) -> None:
    client, sessions = Client(shared_hub.port, 6), sessions_of(shared_hub)
    await client.many(90, sessions)
    await quiet(shared_hub)
    before = kept_of_sockets()
    await client.many(180, sessions)
    assert (await shared_hub.http.get("/hub/v1/health")).status_code == 200
    await quiet(shared_hub)
    more = kept_of_sockets() - before
    assert not {kind: many for kind, many in more.items() if many > 3}, "kept of sockets that are gone"
    assert not shared_hub.room(Jobs)._bus._users
    assert len(client.seen) > 5
    broke = [record.getMessage() for record in caplog.records if record.exc_info]
    assert not broke, "what is sent to us must not break anything, whether or not the client looks"


@pytest.mark.long
async def test_tens_of_thousands_in_flat_memory(tmp_path: Path, free_port: int) -> None:
    """In a process of its own, whose memory is that of the hub alone."""
    async with outside(tmp_path, free_port, {**HUB_SETTINGS, "network.port": str(free_port)}) as hub:
        mine = [(await hub.call("GetNewSession"))["session_id"] for _ in range(8)]

        async def session(dice: random.Random) -> str | None:
            chosen: str | None = dice.choice((*mine, None))
            return chosen

        process, client = psutil.Process(hub.process.pid), Client(free_port, 66)
        await client.many(6000, session)
        sizes = [process.memory_info().rss]
        for turn in range(4):
            client = Client(free_port, 1000 + turn)
            await client.many(4000, session)
            sizes.append(process.memory_info().rss)
        print("MiB resident:", [size >> 20 for size in sizes], dict(client.seen))
        assert sizes[-1] - sizes[0] < MAY_GROW, [size >> 20 for size in sizes]
        assert process.num_fds() < 200
