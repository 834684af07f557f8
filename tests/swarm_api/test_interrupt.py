"""InterruptAll, single jobs and single images: whose work stops, whose goes on, what the sockets hear."""

import asyncio

import pytest

from hub.accounts import Sessions
from hub.jobs import Jobs
from hub.jobs.events import Ended
from tests.swarm_api.sketching import SETTINGS, SMALL, Talker, Tenant, heard, talking, tenant

pytestmark = pytest.mark.asyncio(loop_scope="module")
HUB_SETTINGS = SETTINGS
hub = tenant
INTERRUPTED = "Generation session interrupted."


async def drawing(talk: Talker, **params: object) -> None:
    """Ask for images that hold until they are stopped, and wait for the first one."""
    await talk.ask(prompt="red hold", **params)
    await talk.until(lambda frame: frame.get("status", {}).get("live_gens"))


class TestThisSession:
    async def test_the_running_ones_say_so_and_the_waiting_ones_go_silently(self, hub: Tenant) -> None:
        async with talking(hub) as talk:
            await drawing(talk, images=10)
            await talk.until(lambda frame: frame.get("status", {}).get("live_gens") == 4)
            assert await hub.call("InterruptAll") == {"success": True}
            await talk.until("socket_intention")
            assert talk.of("error") == [INTERRUPTED] * 4
            assert talk.of("image") == [] and talk.of("discard_indices") == [[]]
            assert talk.of("status")[-1] == {
                "waiting_gens": 0,
                "loading_models": 0,
                "waiting_backends": 0,
                "live_gens": 0,
            }

    async def test_requests_after_it_run(self, hub: Tenant) -> None:
        async with talking(hub) as talk:
            await drawing(talk)
            await hub.call("InterruptAll")
            await talk.until("error")
            await talk.ask(prompt="blue")
            assert await talk.until("image")

    async def test_a_picture_that_comes_all_the_same_is_kept(self, hub: Tenant) -> None:
        async with talking(hub) as talk:
            await talk.ask(prompt="red slow stubborn", steps=10)
            await talk.until("gen_progress")
            await hub.call("InterruptAll")
            assert await talk.until("image")
            assert talk.of("error") == []

    async def test_my_other_tabs_go_on_unless_asked(self, hub: Tenant) -> None:
        other = await hub.room(Sessions).issue(hub.user)
        async with talking(hub) as mine, talking(hub, other) as theirs:
            await drawing(mine)
            await drawing(theirs)
            await hub.call("InterruptAll")
            await mine.until("error")
            assert hub.room(Jobs).counts(session=other).live_gens == 1
            await hub.call("InterruptAll", other_sessions=True)
            assert (await theirs.until("error"))["error"] == INTERRUPTED

    async def test_nobody_elses_work_is_touched(self, hub: Tenant) -> None:
        stranger = await hub.session_as("user")
        async with talking(hub) as mine, talking(hub, stranger) as theirs:
            await drawing(mine)
            await drawing(theirs)
            await hub.call("InterruptAll", other_sessions=True)
            await mine.until("error")
            assert hub.room(Jobs).counts(session=stranger).live_gens == 1
            await hub.call("InterruptAll", session_id=stranger)
            await theirs.until("error")

    async def test_between_acceptance_and_start_none_slips_through(self, hub: Tenant) -> None:
        async with talking(hub) as talk:
            for _ in range(5):
                await talk.ask(prompt="red hold", images=3)
            await talk.until(lambda frame: frame.get("status", {}).get("waiting_gens") == 15)
            await hub.call("InterruptAll")
            await talk.until("socket_intention")
            assert talk.of("image") == [] and hub.room(Jobs).counts().idle


class TestOneJobOrImage:
    async def test_one_job_of_several(self, hub: Tenant) -> None:
        async with talking(hub) as talk:
            await drawing(talk)
            await talk.ask(prompt="blue hold")
            await talk.until(lambda frame: frame.get("status", {}).get("live_gens") == 2)
            listed = (await hub.post("/hub/v1/jobs", {"session_id": hub.session})).json()["jobs"]
            assert [job["request_id"] for job in listed] == ["1002", "1001"]
            answer = await hub.post(
                "/hub/v1/jobs/cancel", {"session_id": hub.session, "job": listed[0]["job"]}
            )
            assert answer.json() == {"cancelled": 1}
            await talk.until("discard_indices")
            assert hub.room(Jobs).counts().live_gens == 1
            await hub.call("InterruptAll")
            await talk.until("socket_intention")

    async def test_one_image_of_a_job(self, hub: Tenant) -> None:
        async with talking(hub) as talk:
            await drawing(talk, images=6)
            await talk.until(lambda frame: frame.get("status", {}).get("live_gens") == 4)
            job = (await hub.post("/hub/v1/jobs", {"session_id": hub.session})).json()["jobs"][0]["job"]
            for index, running in ((1, 1), (5, 0)):
                body = {"session_id": hub.session, "job": job, "index": index}
                assert (await hub.post("/hub/v1/jobs/cancel", body)).json() == {"cancelled": 1}
                if running:
                    await talk.until("error")
            await talk.until(lambda frame: frame.get("status", {}).get("live_gens") == 4)
            assert hub.room(Jobs).counts().waiting_gens == 4
            await hub.call("InterruptAll")
            await talk.until("socket_intention")
            assert talk.of("error") == [INTERRUPTED] * 5

    async def test_refusals(self, hub: Tenant) -> None:
        stranger = await hub.session_as("user")
        async with talking(hub) as talk:
            await drawing(talk)
            job = (await hub.post("/hub/v1/jobs", {"session_id": hub.session})).json()["jobs"][0]["job"]
            for body in ({"job": "x"}, {"job": job, "index": 1}, {"job": job, "index": -1}, {}):
                answer = (await hub.post("/hub/v1/jobs/cancel", {"session_id": hub.session, **body})).json()
                assert answer["error"] and answer["field"] in ("job", "index")
            answer = (await hub.post("/hub/v1/jobs/cancel", {"session_id": stranger, "job": job})).json()
            assert answer["field"] == "job"
            assert (await hub.post("/hub/v1/jobs", {"session_id": stranger})).json()["jobs"] == []
            ended = asyncio.create_task(heard(hub, Ended))
            await hub.call("InterruptAll")
            await ended


async def test_the_http_twin_answers_an_interrupt(hub: Tenant) -> None:
    calling = asyncio.create_task(hub.call("GenerateText2Image", **{**SMALL, "prompt": "hold"}))
    while hub.room(Jobs).counts().live_gens == 0:  # noqa: ASYNC110 - the event may have passed already
        await asyncio.sleep(0.02)
    await hub.call("InterruptAll")
    assert await calling == {"error": INTERRUPTED}
