"""`/hub/v1/jobs/watch`: any tab sees all of one's jobs, and catches up on what it missed."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.swarm_api.sketching import SETTINGS, SMALL, Talker, Tenant, talking, tenant

pytestmark = pytest.mark.asyncio(loop_scope="module")
HUB_SETTINGS = SETTINGS
hub = tenant


@asynccontextmanager
async def watching(hub: Tenant, session: str | None = None, **body: object) -> AsyncIterator[Talker]:
    session = session or hub.session
    async with hub.socket("/hub/v1/jobs/watch") as socket:
        await socket.send(json.dumps({"session_id": session, **body}))
        yield Talker(socket, session)


def told(watch: Talker, event: str) -> list[dict[str, object]]:
    return [frame for frame in watch.frames if frame.get("event") == event]


async def test_another_tab_sees_everything_numbered(hub: Tenant) -> None:
    async with watching(hub) as watch, talking(hub) as talk:
        first = await watch.until("jobs")
        assert first["jobs"] == [] and first["run"]
        await talk.ask(prompt="red load", images=2)
        await watch.until(lambda frame: frame.get("event") == "ended")
        events = [frame["event"] for frame in watch.frames[1:]]
        for event in ("queued", "waiting", "loading", "started", "progressed", "imaged"):
            assert event in events
        numbered = [frame["number"] for frame in watch.frames[1:] if frame["event"] != "progressed"]
        assert numbered == list(range(1, len(numbered) + 1))
        assert watch.frames[-1]["state"] == "done"
        image = told(watch, "imaged")[0]
        assert str(image["image"]).startswith(f"View/{hub.user}/") and image["request_id"] == "1001"
        assert image["session"] == hub.session[:8]
        assert str(told(watch, "progressed")[-1]["preview"]).startswith("data:image/jpeg;base64,")


async def test_previews_may_be_left_out(hub: Tenant) -> None:
    async with watching(hub, previews=False) as watch, talking(hub) as talk:
        await talk.ask(prompt="red")
        await talk.until(lambda frame: "preview" in frame.get("gen_progress", {}))
        await watch.until(lambda frame: frame.get("event") == "ended")
        # A step without a preview is told to everybody: a busy engine leaves previews out.
        assert not [frame for frame in told(watch, "progressed") if "preview" in frame]


async def test_previews_are_not_made_while_nobody_looks(hub: Tenant) -> None:
    async with watching(hub, previews=False) as blind:
        await blind.until("jobs")
        async with talking(hub) as talk:
            await talk.ask(prompt="red slow", steps=200)
            await talk.until(lambda frame: "preview" in frame.get("gen_progress", {}))
        await blind.until(lambda frame: frame.get("event") == "progressed")
        assert "preview" not in blind.frames[-1]
        async with watching(hub) as watch:
            await watch.until(lambda frame: frame.get("event") == "progressed" and "preview" in frame)
            step = watch.frames[-1]["step"]
        await blind.until(lambda frame: frame.get("event") == "progressed" and frame["step"] > step)
        assert told(blind, "imaged") == []


async def test_a_request_without_a_socket_makes_no_previews(hub: Tenant) -> None:
    async with watching(hub, previews=False) as blind:
        await blind.until("jobs")
        answer = await hub.call("GenerateText2Image", **{**SMALL, "prompt": "red", "steps": 6})
        assert len(answer["images"]) == 1
        await blind.until(lambda frame: frame.get("event") == "ended")
        assert told(blind, "progressed")


async def test_who_comes_back_hears_what_was_missed(hub: Tenant) -> None:
    async with talking(hub) as talk:
        async with watching(hub) as watch:
            run = (await watch.until("jobs"))["run"]
            await talk.ask(prompt="red hold")
            seen = await watch.until(lambda frame: frame.get("event") == "started")
        await hub.call("InterruptAll")
        await talk.until("discard_indices")
    async with watching(hub, run=run, after={seen["job"]: seen["number"], "unknown": 3}) as watch:
        view = (await watch.until("jobs"))["jobs"][0]
        assert view["state"] == "cancelled" and view["number"] == seen["number"] + 2
        assert view["images"] == [{"index": 0, "state": "cancelled"}]
        await watch.until(lambda frame: frame.get("event") == "gone")
    assert [frame["event"] for frame in watch.frames[1:]] == ["image_cancelled", "ended", "gone"]


async def test_numbers_of_an_earlier_run_are_not_believed(hub: Tenant) -> None:
    async with talking(hub) as talk:
        await talk.ask(prompt="red")
        await talk.until("discard_indices")
    async with watching(hub, run="another", after={"x": 1}) as watch, talking(hub) as talk:
        await watch.until("jobs")
        await talk.ask(prompt="blue")
        assert (await watch.until("event"))["event"] == "queued"


async def test_bad_numbers(hub: Tenant) -> None:
    async with watching(hub) as watch:
        run = (await watch.until("jobs"))["run"]
    for after in ("x", {"job": "1"}, {"job": True}):
        async with watching(hub, run=run, after=after) as watch:
            assert (await watch.until("error"))["field"] == "after"


async def test_others_hear_nothing(hub: Tenant) -> None:
    stranger = await hub.session_as("user")
    async with watching(hub, stranger) as watch, talking(hub) as talk:
        await watch.until("jobs")
        await talk.ask(prompt="red")
        await talk.until("discard_indices")
        async with talking(hub, stranger) as theirs:
            await theirs.ask(prompt="blue")
            frame = await watch.until("event")
            assert frame["event"] == "queued" and frame["user"] != hub.user


async def test_a_view_of_the_line(hub: Tenant) -> None:
    stranger = await hub.session_as("user")
    async with talking(hub) as talk, talking(hub, stranger) as theirs:
        await talk.ask(prompt="red hold", images=6)
        await talk.until(lambda frame: frame.get("status", {}).get("live_gens") == 4)
        await theirs.ask(prompt="blue hold", images=2)
        await theirs.until(lambda frame: frame.get("status", {}).get("waiting_backends") == 2)
        mine = (await hub.post("/hub/v1/jobs", {"session_id": hub.session})).json()["jobs"][0]
        other = (await hub.post("/hub/v1/jobs", {"session_id": stranger})).json()["jobs"][0]
        assert other["ahead"] == 0 and mine["ahead"] == 1 and mine["state"] == "running"
        for session in (hub.session, stranger):
            await hub.call("InterruptAll", session_id=session)
        await asyncio.gather(talk.until("socket_intention"), theirs.until("socket_intention"))
