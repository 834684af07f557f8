"""The hub killed while it deletes an account, at whatever moment: the next starts finish it."""

import asyncio
import random
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest

from tests.swarm_api.outside import Outside, spawn
from tests.swarm_api.sketching import SETTINGS, SMALL
from tests.swarm_api.test_deleting_accounts import NAME, WORD, left

EXEMPT = {**SETTINGS, "accounts.localhost_bypass": "true"}
PICTURES = 30
LIVES = 8


async def begin(data: Path, port: int) -> Outside:
    hub = await spawn(data, port, EXEMPT)
    await hub.answers()
    hub.session = (await hub.call("GetNewSession"))["session_id"]
    return hub


async def filled(hub: Outside) -> None:
    """Somebody with a history."""
    made = await hub.call("AdminAddUser", name=NAME, password="a good password", role="user")
    assert made == {"success": True}
    session = (await hub.call("GetNewSession", impersonateUser=NAME))["session_id"]
    asked = {**SMALL, "prompt": f"red {WORD}", "images": PICTURES, "session_id": session}
    assert len((await hub.call("GenerateText2Image", **asked))["images"]) == PICTURES


def departing(data: Path) -> list[str]:
    """Names of accounts whose deletion is not over."""
    with closing(sqlite3.connect(data / "hub.sqlite3", timeout=30)) as db:
        return [name for (name,) in db.execute("SELECT name FROM departures")]


@pytest.mark.long
async def test_nothing_is_left_however_often_it_is_killed(tmp_path: Path, free_port: int) -> None:
    dice = random.Random(6)
    data = tmp_path / "data"
    hub = await begin(data, free_port)
    try:
        for _ in range(LIVES):
            if NAME not in (await hub.call("AdminListUsers"))["users"] and not departing(data):
                await filled(hub)
            asking = asyncio.create_task(hub.call("AdminDeleteUser", name=NAME))
            await asyncio.sleep(dice.random() * 0.3)
            await hub.kill()
            with suppress(httpx.TransportError):
                await asking
            hub = await begin(data, free_port)
        async with asyncio.timeout(120):
            while departing(data):  # noqa: ASYNC110 - another process tells nobody
                await asyncio.sleep(0.1)
        if NAME in (await hub.call("AdminListUsers"))["users"]:
            assert (await hub.call("AdminDeleteUser", name=NAME))["success"]
    finally:
        hub.process.terminate()
        await hub.process.wait()
    for log in (data / "logs").glob("*"):
        log.unlink()
    assert left(data) == []
