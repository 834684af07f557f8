"""The hub killed again and again under load: what was accepted ends once, what was told stays true, every row
has its file and every file its row.
"""

import asyncio
import json
import random
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from tests.swarm_api.outside import Outside, outside, spawn
from tests.swarm_api.sketching import SMALL

PROMPTS = ("red", "blue slow", "green slow", "white slow fail", "red slow load")
GONE = (OSError, httpx.TransportError, websockets.WebSocketException, json.JSONDecodeError)


class Told:
    """Everything any life of the hub has told."""

    def __init__(self) -> None:
        self.accepted: dict[str, int] = {}
        self.ended: dict[str, set[str]] = {}
        self.images: dict[tuple[str, int], str] = {}
        self.without: set[tuple[str, int]] = set()
        self.promised: set[tuple[str, int]] = set()
        """Waiting images whose cancel was answered."""

    def hear(self, frame: dict[str, Any]) -> None:
        match frame.get("event"):
            case "snapshot":
                for job in frame["jobs"]:
                    self.accepted[job["job"]] = len(job["images"])
            case "queued":
                self.accepted[frame["job"]] = frame["images"]
            case "ended":
                self.ended.setdefault(frame["job"], set()).add(frame["state"])
            case "imaged":
                self.images[frame["job"], frame["index"]] = frame["image"]
            case "image_cancelled" | "image_failed":
                self.without.add((frame["job"], frame["index"]))


async def listen(hub: Outside, told: Told) -> None:
    with suppress(*GONE):
        async with websockets.connect(f"ws://127.0.0.1:{hub.port}/hub/v1/events", proxy=None) as socket:
            await socket.send(json.dumps({"session_id": hub.session, "previews": "none"}))
            async for text in socket:
                told.hear(json.loads(text))


async def ask(hub: Outside, dice: random.Random) -> None:
    with suppress(*GONE):
        url = f"ws://127.0.0.1:{hub.port}/API/GenerateText2ImageWS"
        async with websockets.connect(url, proxy=None) as socket:
            while True:
                asked = {**SMALL, "prompt": dice.choice(PROMPTS), "images": dice.randrange(1, 5)}
                more = {"continueaftererrors": dice.random() < 0.5, "session_id": hub.session}
                await socket.send(json.dumps({**asked, **more}))
                for _ in range(dice.randrange(10, 40)):
                    await socket.recv()


async def cancel(hub: Outside, dice: random.Random, told: Told) -> None:
    with suppress(*GONE):
        while True:
            await asyncio.sleep(dice.random() * 0.1)
            jobs = (await hub.post("/hub/v1/jobs", state="waiting,running"))["jobs"]
            if not jobs:
                continue
            job = dice.choice(jobs)
            index = dice.randrange(len(job["images"]))
            if dice.random() < 0.2:
                await hub.post("/hub/v1/jobs/cancel", job=job["job"], stop="waiting")
            else:
                answer = await hub.post("/hub/v1/jobs/cancel", job=job["job"], index=index)
                if answer.get("cancelled"):
                    told.promised.add((job["job"], index))


async def one_life(data: Path, port: int, dice: random.Random, told: Told, session: str) -> str:
    """Start the hub, load it, kill it at some moment; the session."""
    hub = await spawn(data, port)
    try:
        if dice.random() < 0.1:
            await asyncio.sleep(dice.random() * 3)  # killed while it takes up what it finds
            return session
        await hub.answers()
        hub.session = session or (await hub.call("GetNewSession"))["session_id"]
        work = (listen(hub, told), *(ask(hub, dice) for _ in range(3)), cancel(hub, dice, told))
        tasks = [asyncio.create_task(one) for one in work]
        await asyncio.sleep(0.1 + dice.random() * 1.2)
        await hub.kill()
        await asyncio.gather(*tasks)
        return hub.session
    finally:
        await hub.kill()


async def let_finish(data: Path, port: int, told: Told, session: str) -> None:
    async with outside(data, port) as hub:
        hub.session = session
        listening = asyncio.create_task(listen(hub, told))
        async with asyncio.timeout(120):
            while (await hub.call("GetCurrentStatus"))["status"]["waiting_gens"]:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        await asyncio.sleep(0.2)
    await listening


def check(data: Path, told: Told) -> None:
    with sqlite3.connect(data / "hub.sqlite3") as db:
        jobs = {
            row[0]: row[1:] for row in db.execute("SELECT id, state, images, finished, made, ends FROM jobs")
        }
        images = db.execute('SELECT job, "index", path FROM images').fetchall()
    assert told.accepted.keys() <= jobs.keys(), "an accepted job is lost"
    home = data / "outputs" / "local"
    files = {file.relative_to(home).as_posix() for file in home.rglob("*.png")}
    assert files == {path for _, _, path in images} and len(files) == len(images)
    assert not (home / ".pending").exists() or not list((home / ".pending").iterdir())
    made = {(job, index): path for job, index, path in images}
    assert len(made) == len(images), "an image was made twice"
    for (job, index), url in told.images.items():
        assert made[job, index] == url.removeprefix("View/local/")
    assert not told.without & made.keys(), "an image came though its end was told"
    for job, (state, total, finished, count, ends) in jobs.items():
        assert finished and state in ("done", "failed", "cancelled")
        assert told.ended.get(job, {state}) == {state}, "another end was told"
        assert count == sum(owner == job for owner, _ in made)
        noted = {
            index
            for line in filter(None, ends.split("\n"))
            for first, last in json.loads(line)["images"]
            for index in range(first, last + 1)
        }
        assert noted | {index for owner, index in made if owner == job} == set(range(total))
    for job, index in told.promised:
        assert (job, index) in made or jobs[job][0] in ("cancelled", "failed")


async def killed(data: Path, port: int, kills: int, seed: int) -> Told:
    dice, told, session = random.Random(seed), Told(), ""
    for _ in range(kills):
        session = await one_life(data, port, dice, told, session)
    await let_finish(data, port, told, session)
    check(data, told)
    return told


async def test_three_kills_lose_nothing(tmp_path: Path, free_port: int) -> None:
    told = await killed(tmp_path, free_port, 3, 5)
    assert len(told.accepted) > 5 and told.images


@pytest.mark.long
async def test_fifty_kills_lose_nothing(tmp_path: Path, free_port: int) -> None:
    told = await killed(tmp_path, free_port, 50, 50)
    assert len(told.accepted) > 100 and told.images and told.without and told.promised


async def test_a_single_cancelled_image_stays_cancelled(tmp_path: Path, free_port: int) -> None:
    """One that waits and one that an engine holds; what the engine would still give is not waited for."""
    async with outside(tmp_path, free_port) as hub:
        hub.session = session = (await hub.call("GetNewSession"))["session_id"]
        url = f"ws://127.0.0.1:{free_port}/API/GenerateText2ImageWS"
        async with websockets.connect(url, proxy=None) as socket:
            asked = {**SMALL, "session_id": session, "prompt": "red slow stubborn", "images": 8, "steps": 60}
            await socket.send(json.dumps(asked))
            while json.loads(await socket.recv()).get("status", {}).get("live_gens") != 4:
                pass
            job = (await hub.post("/hub/v1/jobs"))["jobs"][0]["job"]
            for index in (0, 7):
                assert await hub.post("/hub/v1/jobs/cancel", job=job, index=index) == {"cancelled": 1}
            await hub.kill()
    async with outside(tmp_path, free_port) as hub:
        hub.session = session
        async with asyncio.timeout(60):
            while (view := (await hub.post("/hub/v1/jobs"))["jobs"][0])["finished"] is None:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        states = [image["state"] for image in view["images"]]
        assert states == ["cancelled"] + ["done"] * 6 + ["cancelled"] and view["state"] == "cancelled"
