"""What is accepted and what a restart makes of it: limits, unreadable requests, engines that are gone."""

import asyncio
import json
from pathlib import Path

import pytest

from backends.pool import Pool
from hub.jobs import Jobs
from hub.media import Media
from hub.store import JobRow, Store
from tests.hub.running import RunningHub, running
from tests.swarm_api.sketching import SETTINGS, SMALL, sketching, talking


@sketching
@pytest.mark.hub_settings("limits.waiting_images=6")
async def test_one_user_cannot_fill_the_line(hub: RunningHub) -> None:
    async with talking(hub) as talk:
        await talk.ask(prompt="hold", images=5)
        await talk.until("status")
        answer = await hub.call("GenerateText2Image", **{**SMALL, "prompt": "x", "images": 2})
        assert answer["field"] == "images" and answer["limit"] == 1
        await hub.call("InterruptAll")
        await talk.until("socket_intention")


@sketching
async def test_no_more_of_one_request_than_twice_the_places_are_under_way(hub: RunningHub) -> None:
    async with talking(hub) as talk:
        await talk.ask(prompt="hold", images=30)
        await talk.until(lambda frame: frame.get("status", {}).get("live_gens") == 4)
        counts = hub.room(Jobs).counts()
        assert (counts.waiting_gens, counts.live_gens, counts.waiting_backends) == (30, 4, 4)
        await hub.call("InterruptAll")
        await talk.until("socket_intention")


@sketching
async def test_users_take_turns(hub: RunningHub) -> None:
    stranger = await hub.session_as("user")
    async with talking(hub) as mine, talking(hub, stranger) as theirs:
        await mine.ask(prompt="red slow", images=16, steps=2)
        await mine.until("gen_progress")
        await theirs.ask(prompt="blue slow", images=1, steps=2)
        await theirs.until("image")
        assert hub.room(Jobs).counts(session=hub.session).waiting_gens > 0
        await mine.until("socket_intention")
        assert len(mine.of("image")) == 16


async def test_without_engines_it_says_so(tmp_path: Path) -> None:
    async with running(tmp_path, {**SETTINGS}) as hub:
        pool = hub.room(Pool)
        await asyncio.gather(*(engine.stop() for engine in pool._engines.values()))
        answer = await hub.call("GenerateText2Image", **{**SMALL, "prompt": "x"})
        told = (
            "No backends available! All of them are switched off; an administrator can switch one on under "
            "Server > Backends."
        )
        assert answer == {"error": told}
        frames = await hub.talk("GenerateText2ImageWS", **{**SMALL, "prompt": "x"})
        assert frames[0] == {"error": told}
        assert frames[-1]["backend_status"]["status"] == "all_disabled"


async def test_waiting_images_fail_when_the_last_engine_goes(tmp_path: Path) -> None:
    async with running(tmp_path, {**SETTINGS}) as hub, talking(hub) as talk:
        await talk.ask(prompt="hold", images=8)
        await talk.until(lambda frame: frame.get("status", {}).get("live_gens") == 4)
        pool = hub.room(Pool)
        await asyncio.gather(*(engine.stop() for engine in pool._engines.values()))
        error = await talk.until("error")
        assert error["error"].startswith("No backends available! All of them are switched off")


async def test_a_restart_takes_up_what_it_can_read_and_closes_the_rest(tmp_path: Path) -> None:
    async with running(tmp_path, {**SETTINGS, "engines.start_at_boot": "false"}) as hub:
        store = hub.room(Store)
        old = JobRow("0" * 32, "local", hub.session, 1001, "waiting", 1, 1, request=b"rubbish")
        await store.jobs.accept(old)
        async with talking(hub) as talk:
            await talk.ask(prompt="red hold crash", images=2)
            await talk.until("status")
        rows = [row for row in store.jobs.unfinished() if row.id != old.id]
        assert len(rows) == 1
    async with running(tmp_path, SETTINGS) as hub:
        closed = hub.room(Store).jobs.by_id(old.id)
        assert closed is not None and closed.state == "failed" and "Send it again" in closed.error
        listed = (await hub.post("/hub/v1/jobs", {"session_id": hub.session})).json()["jobs"]
        assert [job["job"] for job in listed] == [rows[0].id]
        await hub.call("InterruptAll", other_sessions=True)
        async with asyncio.timeout(60):
            while not hub.room(Jobs).counts().idle:  # noqa: ASYNC110 - it may be over already
                await asyncio.sleep(0.05)
        async with talking(hub) as talk:
            await talk.ask(prompt="blue")
            assert (await talk.until("image"))["request_id"] == "1003"


async def test_a_finished_image_whose_file_is_gone_is_drawn_again(tmp_path: Path) -> None:
    async with running(tmp_path, {**SETTINGS}) as hub, talking(hub) as talk:
        await talk.ask(prompt="red slow", images=8, steps=8)
        image = (await talk.until("image"))["image"].removeprefix("View/local/")
    (tmp_path / "outputs" / "local" / image).unlink()
    async with running(tmp_path, SETTINGS) as hub:
        async with asyncio.timeout(30):
            while not hub.room(Jobs).counts().idle:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        files = (await hub.call("ListImages", path="", depth=9))["files"]
        seeds = {json.loads(file["metadata"])["sui_image_params"]["seed"] for file in files}
        assert len(files) == len(seeds) == 8


@sketching
@pytest.mark.hub_settings("engines.start_at_boot=false")
async def test_an_engine_not_started_yet_is_started_by_the_work(hub: RunningHub) -> None:
    async with talking(hub) as talk:
        await talk.ask(prompt="red")
        await talk.until("image")


@sketching
async def test_a_disk_that_refuses_is_told_and_the_hub_goes_on(hub: RunningHub) -> None:
    outputs = hub.room(Media).outputs
    outputs.root.mkdir(parents=True, exist_ok=True)
    (outputs.root / "local").write_text("a file where the folder should be")
    answer = await hub.call("GenerateText2Image", **{**SMALL, "prompt": "red"})
    assert answer["error"].startswith("Server failed to save an image. ") and answer["detail"]
    assert hub.room(Jobs).counts().idle
    (outputs.root / "local").unlink()
    assert "images" in await hub.call("GenerateText2Image", **{**SMALL, "prompt": "red"})


@sketching
@pytest.mark.hub_settings("outputs.append_user=false")
async def test_in_one_folder_for_all_everybody_still_has_only_their_own(hub: RunningHub) -> None:
    answer = await hub.call("GenerateText2Image", **{**SMALL, "prompt": "red"})
    url = answer["images"][0]
    assert url.startswith("Output/raw/")
    path = url.removeprefix("Output/")
    stranger = await hub.session_as("user")
    assert (await hub.http.get(f"/{url}")).status_code == 200
    for place in (f"/{url}", f"/View/user_person1/{path}"):
        answer = (await hub.http.get(place, headers={"X-Session-ID": stranger})).json()
        assert answer["error_id"] == "unauthorized"
    assert (await hub.call("DeleteImage", path=path, session_id=stranger))["field"] == "path"
    body = {**SMALL, "prompt": "red", "initimage": path, "session_id": stranger}
    assert (await hub.call("GenerateText2Image", **body))["field"] == "initimage"
    files = (await hub.call("ListImages", path="", depth=9))["files"]
    assert [file["src"] for file in files] == [path]
