"""`/hub/v1/events`: one numbered row of everything, over tabs and reconnects, previews as one likes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hub.accounts import Sessions
from tests.hub.running import RunningHub, running
from tests.swarm_api.sketching import SETTINGS, SMALL, Talker, Tenant, talking, tenant

pytestmark = pytest.mark.asyncio(loop_scope="module")
HUB_SETTINGS = SETTINGS
hub = tenant
Frame = dict[str, Any]


@asynccontextmanager
async def following(hub: RunningHub, session: str | None = None, **body: Any) -> AsyncIterator[Talker]:
    session = session or hub.session
    async with hub.socket("/hub/v1/events") as socket:
        await socket.send(json.dumps({"session_id": session, **body}))
        yield Talker(socket, session)


def is_event(name: str) -> Any:
    return lambda frame: frame.get("event") == name


def numbered(frames: list[Frame]) -> list[Frame]:
    return [frame for frame in frames if frame["event"] not in ("snapshot", "resumed", "progressed")]


async def test_events_of_all_jobs_and_tabs_in_one_row(hub: Tenant) -> None:
    other = await hub.room(Sessions).issue(hub.user)
    async with following(hub) as follow, talking(hub) as talk, talking(hub, other) as second:
        first = await follow.until("event")
        assert first["event"] == "snapshot" and first["jobs"] == [] and first["run"] and not first["paused"]
        await asyncio.gather(talk.ask(prompt="red", images=2), second.ask(prompt="blue load"))
        ended = 0
        while ended < 2:
            ended += (await follow.until("event"))["event"] == "ended"
        told = numbered(follow.frames)
        assert [frame["seq"] for frame in told] == list(range(first["seq"] + 1, first["seq"] + 1 + len(told)))
        assert len({frame["job"] for frame in told}) == len({frame["session"] for frame in told}) == 2
        assert sum(frame["event"] == "imaged" for frame in told) == 3
        assert all(frame["at"] > 1e9 for frame in told)


async def test_who_comes_back_misses_nothing_and_hears_nothing_twice(hub: Tenant) -> None:
    async with talking(hub) as talk:
        async with following(hub) as follow:
            run = (await follow.until("event"))["run"]
            await talk.ask(prompt="red slow", images=3, steps=8)
            seen = await follow.until(is_event("started"))
        await talk.until("image")
        last = seen["seq"]
        told = numbered(follow.frames)
        for _ in range(3):
            async with following(hub, run=run, after=last) as follow:
                assert (await follow.until("event")) == {"event": "resumed", "run": run, "seq": last}
                last = (await follow.until(lambda frame: numbered([frame])))["seq"]
                told += numbered(follow.frames)
        async with following(hub, run=run, after=last) as follow:
            await follow.until(is_event("ended"))
            told += numbered(follow.frames)
    numbers = [frame["seq"] for frame in told]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert [frame["event"] for frame in told].count("imaged") == 3


async def test_a_number_of_another_run_or_of_the_future_gets_a_snapshot(hub: Tenant) -> None:
    await hub.call("GenerateText2Image", **{**SMALL, "prompt": "red"})
    async with following(hub) as follow:
        first = await follow.until("event")
    for body in ({"run": "other", "after": 0}, {"run": first["run"], "after": first["seq"] + 1}):
        async with following(hub, **body) as follow:
            again = await follow.until("event")
            assert again["event"] == "snapshot" and again["seq"] == first["seq"]
            assert again["jobs"][0]["images"][0]["image"].startswith("View/")


async def test_a_page_loaded_anew_sees_its_running_batch_at_once(hub: Tenant) -> None:
    async with talking(hub) as talk:
        await talk.ask(prompt="red slow", images=2, steps=100)
        await talk.until(lambda frame: "preview" in frame.get("gen_progress", {}))
        async with asyncio.timeout(60), following(hub) as follow:
            snapshot = await follow.until("event")
            assert snapshot["jobs"][0]["state"] == "running"
            preview = await follow.until("preview")
            assert preview["seq"] == snapshot["seq"] and preview["preview"].startswith("data:image/jpeg")
        await hub.call("InterruptAll")


async def test_previews_as_binary_messages(hub: Tenant) -> None:
    async with hub.socket("/hub/v1/events") as socket, talking(hub) as talk:
        await socket.send(json.dumps({"session_id": hub.session, "previews": "binary"}))
        await socket.recv()
        await talk.ask(prompt="red", steps=6)
        async with asyncio.timeout(60):
            while not isinstance(message := await socket.recv(), bytes):
                assert json.loads(message).get("preview") is None
        size = int.from_bytes(message[:4], "big")
        head = json.loads(message[4 : 4 + size])
        assert head["event"] == "progressed" and head["mime"] == "image/jpeg" and head["steps"] == 6
        assert message[4 + size :].startswith(b"\xff\xd8\xff")


async def test_progress_without_previews(hub: Tenant) -> None:
    async with following(hub, previews="none") as follow, talking(hub) as talk:
        await talk.ask(prompt="red slow", steps=6)
        await follow.until(is_event("ended"))
        progress = [frame for frame in follow.frames if frame["event"] == "progressed"]
        assert progress and not any("preview" in frame for frame in progress)


async def test_bad_input(hub: Tenant) -> None:
    for body in ({"previews": "odd"}, {"after": "x"}, {"after": -2}):
        async with following(hub, **body) as follow:
            assert (await follow.until("error"))["field"] in body


async def test_others_hear_nothing(hub: Tenant) -> None:
    stranger = await hub.session_as("user")
    async with following(hub, stranger) as follow, talking(hub, stranger) as theirs:
        await follow.until("event")
        await hub.call("GenerateText2Image", **{**SMALL, "prompt": "red"})
        await theirs.ask(prompt="blue")
        frame = await follow.until("event")
        assert frame["event"] == "queued" and frame["user"] != hub.user


async def test_after_a_restart_numbers_start_anew(tmp_path: Path) -> None:
    runs = []
    for _ in range(2):
        async with running(tmp_path, SETTINGS) as one, following(one) as follow:
            runs.append((await follow.until("event"))["run"])
    assert runs[0] != runs[1]
