"""Browser tabs as the worst users have them: they ask, look, close, come back, cancel and sign out."""

import asyncio
import json
import random
from contextlib import suppress
from typing import Any

import httpx
import websockets
from websockets.asyncio.client import ClientConnection

from bench.soaking.books import Books, read_frame
from bench.soaking.life import Life

REQUEST = {"prompt": "a ready picture", "width": 512, "height": 512, "steps": 1}
GONE = (OSError, httpx.HTTPError, websockets.WebSocketException, json.JSONDecodeError, KeyError)
PAUSE_SECONDS = 0.3


class Tabs:
    """Many tabs of one user, and one that hears everything. `stop` lets them come to their end."""

    def __init__(self, life: Life, books: Books, seed: int) -> None:
        self._life = life
        self._books = books
        self._dice = random.Random(seed)
        self._address = f"127.0.0.1:{life.port}"
        self._http = httpx.AsyncClient(base_url=f"http://{self._address}", timeout=60, trust_env=False)
        self._tasks: list[asyncio.Task[None]] = []
        self.ending = False

    def open(self, count: int) -> None:
        """Open so many tabs, and the listener."""
        self._tasks.append(asyncio.create_task(self._listen()))
        for number in range(count):
            self._tasks.append(
                asyncio.create_task(self._tab(random.Random(f"{number} {self._dice.random()}")))
            )

    async def settle(self, seconds: float) -> None:
        """Ask for nothing more and wait until nothing is waiting any more."""
        self.ending = True
        async with asyncio.timeout(seconds):
            await asyncio.gather(*self._tasks[1:])
            while await self._waiting():  # noqa: ASYNC110 - only asking tells
                await asyncio.sleep(0.2)
            await asyncio.sleep(1.0)  # the last events are on their way

    async def close(self) -> None:
        """Let go of everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.aclose()

    # ---- what tabs do ------------------------------------------------------------------------------------

    async def _tab(self, dice: random.Random) -> None:
        session, token = "", ""
        while not self.ending:
            try:
                if not session:
                    session, token = await self._sign_in(dice)
                async with websockets.connect(self._url("/API/GenerateText2ImageWS"), proxy=None) as socket:
                    session = await self._use(socket, session, token, dice)
            except GONE:
                await asyncio.sleep(0.2 + dice.random())
            if dice.random() < 0.05:
                session = ""

    async def _use(self, socket: ClientConnection, session: str, token: str, dice: random.Random) -> str:
        """Some requests on one socket; the session, "" when it is over."""
        for _ in range(dice.randrange(1, 6)):
            asked = {**REQUEST, "images": dice.choice((1, 1, 2, 4)), "seed": dice.randrange(2**31)}
            await socket.send(json.dumps({"session_id": session, **asked}))
            frames = dice.choice((0, 1, 3, 10, 10))
            for _ in range(frames):
                frame = read_frame(await asyncio.wait_for(socket.recv(), 60))
                if frame.get("error_id") == "invalid_session_id":
                    return ""
                if "error" in frame:
                    self._books.errors[str(frame["error"])[:60]] += 1
                if "socket_intention" in frame:
                    break
            match dice.randrange(12):
                case 0:
                    socket.transport.abort()
                    return session
                case 1:
                    await self._post("/API/InterruptAll", session)
                case 2:
                    await self._cancel_one(session, dice)
                case 3 if token:
                    await self._post("/API/Logout", session)
                    return ""
                case _:
                    await asyncio.sleep(PAUSE_SECONDS * dice.random() * 2)
        return session

    async def _sign_in(self, dice: random.Random) -> tuple[str, str]:
        """A session, half of them with a token of their own that can sign out."""
        plain = str((await self._post("/API/GetNewSession", ""))["session_id"])
        if dice.random() < 0.5:
            return plain, ""
        made = await self._post("/API/CreateAuthToken", plain, reason="soak")
        token = str(made["token"])
        headers = {"Authorization": f"Bearer {token}"}
        return str((await self._post("/API/GetNewSession", "", headers))["session_id"]), token

    async def _cancel_one(self, session: str, dice: random.Random) -> None:
        jobs = (await self._post("/hub/v1/jobs", session, state="waiting,running", limit=50))["jobs"]
        if jobs:
            job = dice.choice(jobs)
            index = dice.randrange(len(job["images"]))
            await self._post("/hub/v1/jobs/cancel", session, job=job["job"], index=index)

    async def _listen(self) -> None:
        while True:
            with suppress(*GONE):
                session = (await self._post("/API/GetNewSession", ""))["session_id"]
                async with websockets.connect(
                    self._url("/hub/v1/events"), proxy=None, max_size=None
                ) as socket:
                    await socket.send(json.dumps({"session_id": session, "previews": "none"}))
                    async for text in socket:
                        self._books.hear(read_frame(text))
            await asyncio.sleep(0.1)

    async def _waiting(self) -> int:
        try:
            session = (await self._post("/API/GetNewSession", ""))["session_id"]
            queue = await self._post("/hub/v1/queue", session)
            return int(queue["waiting"]) + int(queue.get("drawn", 0))
        except GONE:
            return 1

    async def _post(
        self, path: str, session: str, headers: dict[str, str] | None = None, **body: Any
    ) -> dict[str, Any]:
        sent = {"session_id": session, **body} if session else body
        answer = await self._http.post(path, json=sent, headers=headers)
        told = answer.json()
        if told.get("error_id") == "internal_error":
            self._books.errors["internal_error"] += 1
        return dict(told)

    def _url(self, path: str) -> str:
        return f"ws://{self._address}{path}"
