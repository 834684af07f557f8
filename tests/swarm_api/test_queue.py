"""`/hub/v1/jobs` and `/hub/v1/queue`: what one sees of the queue and may do to it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from hub.accounts import Accounts
from hub.jobs import Jobs
from hub.store import Store
from permissions import ROLES, Quotas
from tests.hub.running import RunningHub, running
from tests.swarm_api.sketching import SETTINGS, SMALL, Talker, Tenant, talking, tenant

pytestmark = pytest.mark.asyncio(loop_scope="module")
HUB_SETTINGS = SETTINGS
hub = tenant
Answer = dict[str, Any]


async def own(hub: Tenant, path: str, by: str | None = None, **body: Any) -> Answer:
    answer = await hub.post(f"/hub/v1/{path}", {"session_id": by or hub.session, **body})
    found: Answer = answer.json()
    return found


async def settled(hub: Tenant, session: str | None = None) -> list[Answer]:
    """The jobs once none of them is unfinished."""
    async with asyncio.timeout(60):
        while True:
            jobs: list[Answer] = (await own(hub, "jobs", session))["jobs"]
            if all(job["finished"] for job in jobs):
                return jobs
            await asyncio.sleep(0.02)


async def full(hub: Tenant, talk: Talker, **params: Any) -> str:
    """Fill the engine's four places with images that hold; the job's id."""
    await talk.ask(prompt="red hold", **{"images": 4, **params})
    await talk.until(lambda frame: frame.get("status", {}).get("live_gens") == 4)
    return str((await own(hub, "jobs"))["jobs"][0]["job"])


class TestLists:
    async def test_filters_by_state_words_number_and_limit(self, hub: Tenant) -> None:
        await hub.call("GenerateText2Image", **{**SMALL, "prompt": "red house"})
        await hub.call("GenerateText2Image", **{**SMALL, "prompt": "blue house fail"})
        await hub.call("GenerateText2Image", **{**SMALL, "prompt": "green tree"})

        async def numbers(**wanted: Any) -> list[str]:
            return [job["request_id"] for job in (await own(hub, "jobs", **wanted))["jobs"]]

        assert await numbers() == ["1003", "1002", "1001"]
        assert await numbers(state="failed") == ["1002"]
        assert await numbers(state="done, failed", words="HOUSE") == ["1002", "1001"]
        assert await numbers(before=1003, limit=1) == ["1002"]
        assert await numbers(session=hub.session[:8]) == ["1003", "1002", "1001"]
        assert await numbers(session="x") == []
        assert (await own(hub, "jobs", state="odd"))["field"] == "state"
        answer = await hub.http.get("/hub/v1/jobs?state=failed")
        assert [job["request_id"] for job in answer.json()["jobs"]] == ["1002"]

    async def test_what_only_the_store_knows(self, hub: Tenant) -> None:
        await hub.call("GenerateText2Image", **{**SMALL, "prompt": "red", "images": 2})
        await hub.call("GenerateText2Image", **{**SMALL, "prompt": "fail"})
        hub.room(Jobs)._memory._jobs.clear()
        assert (await own(hub, "jobs"))["jobs"] == []
        failed, done = (await own(hub, "jobs", older=True))["jobs"]
        assert (failed["state"], failed["images"]) == (
            "failed",
            [{"index": 0, "state": "failed", "error": "The pencil broke."}],
        )
        assert (done["state"], done["prompt"], done["model"]) == ("done", "red", "doodle")
        assert all(image["image"].startswith(f"View/{hub.user}/") for image in done["images"])
        detail = await own(hub, "jobs/detail", job=done["job"])
        assert [moment["event"] for moment in detail["timeline"]] == ["queued", "imaged", "imaged", "ended"]
        assert (await own(hub, "jobs", older=True, state="done", before=1002))["jobs"] == [done]

    async def test_older_ones_are_found_by_words_and_by_session(self, hub: Tenant) -> None:
        for prompt in ("red hat", "fail blue hat"):
            await hub.call("GenerateText2Image", **{**SMALL, "prompt": prompt})
        await hub.room(Store).images.words.caught_up()
        hub.room(Jobs)._memory._jobs.clear()

        async def found(**asked: Any) -> list[str]:
            return [job["prompt"] for job in (await own(hub, "jobs", older=True, **asked))["jobs"]]

        assert await found() == await found(words="hat") == ["fail blue hat", "red hat"]
        assert await found(words="blue") == ["fail blue hat"]
        assert await found(words="hat", state="done") == ["red hat"]
        assert await found(words="green") == []
        assert await found(session=hub.session[:8]) == ["fail blue hat", "red hat"]
        assert await found(session="00000000") == []
        first = (await own(hub, "jobs", older=True))["jobs"][0]["created"]
        assert await found(until=first) == ["red hat"]

    async def test_those_without_pictures_are_found_when_they_can_no_longer_be_tried_again(
        self, hub: Tenant
    ) -> None:
        for prompt in ("fail blue hat", "red hat"):
            await hub.call("GenerateText2Image", **{**SMALL, "prompt": prompt})
        jobs = hub.room(Jobs)
        jobs._memory._jobs.clear()
        for _ in range(2):  # a start each; the second finds it light
            jobs._keep.forget(1e12)
            await jobs.settled()
            (found,) = (await own(hub, "jobs", older=True, words="blue"))["jobs"]
            assert (found["prompt"], found["model"], found["state"]) == ("fail blue hat", "doodle", "failed")
        again = await own(hub, "jobs/retry", job=found["job"])
        assert "no longer kept" in again["error"]

    async def test_older_ones_of_others_keep_their_secrets(self, hub: Tenant) -> None:
        await hub.call("GenerateText2Image", **{**SMALL, "prompt": "fail red"})
        job = (await own(hub, "jobs"))["jobs"][0]["job"]
        hub.room(Jobs)._memory._jobs.clear()
        stranger = await hub.session_as("user")

        async def seen(by: str, **asked: Any) -> list[dict[str, Any]]:
            jobs = (await own(hub, "jobs", by, everyone=True, older=True, **asked))["jobs"]
            return [one for one in jobs if one["job"] == job]

        (shown,) = await seen(stranger)
        secret = ("prompt", "model", "session", "user", "error", "request_id")
        assert [shown[name] for name in secret] == [""] * 6 and not shown["mine"]
        assert shown["images"] == [{"index": 0, "state": "failed"}]
        assert await seen(stranger, words="red") == await seen(stranger, session=hub.session[:8]) == []
        (whole,) = await seen(hub.session)
        assert (whole["prompt"], whole["error"], whole["user"]) == ("fail red", "The pencil broke.", hub.user)
        assert (await own(hub, "jobs/detail", stranger, job=job))["field"] == "job"

    async def test_a_timeline(self, hub: Tenant) -> None:
        await hub.call("GenerateText2Image", **{**SMALL, "prompt": "red load"})
        job = (await own(hub, "jobs"))["jobs"][0]["job"]
        detail = (await hub.http.get(f"/hub/v1/jobs/detail?job={job}")).json()
        assert [moment["event"] for moment in detail["timeline"]] == (
            ["queued", "waiting", "loading", "started", "imaged", "ended"]
        )
        times = [moment["at"] for moment in detail["timeline"]]
        assert times == sorted(times) and detail["job"]["state"] == "done"
        assert (await own(hub, "jobs/detail", job="x"))["field"] == "job"

    async def test_jobs_of_others_keep_their_secrets(self, hub: Tenant) -> None:
        stranger = await hub.session_as("user")
        async with talking(hub) as talk:
            job = await full(hub, talk)
            seen = [
                one for one in (await own(hub, "jobs", stranger, everyone=True))["jobs"] if one["job"] == job
            ]
            secret = ("prompt", "model", "session", "user", "error", "request_id")
            assert [seen[0][name] for name in secret] == [""] * 6
            assert not seen[0]["mine"] and seen[0]["number"] == 0
            assert seen[0]["images"] == [{"index": index, "state": "running"} for index in range(4)]
            assert (await own(hub, "jobs/detail", stranger, job=job))["field"] == "job"
            assert (await own(hub, "jobs", stranger, everyone=True, words="red"))["jobs"] == []
            admin = await hub.session_as("admin")
            seen = [
                one for one in (await own(hub, "jobs", admin, everyone=True))["jobs"] if one["job"] == job
            ]
            assert (seen[0]["user"], seen[0]["prompt"], seen[0]["mine"]) == (hub.user, "red hold", False)
            assert (await own(hub, "jobs/detail", admin, job=job))["job"]["prompt"] == "red hold"
            await hub.call("InterruptAll")

    async def test_place_and_time(self, hub: Tenant) -> None:
        await hub.call("GenerateText2Image", **{**SMALL, "prompt": "red slow"})
        async with talking(hub) as talk:
            await full(hub, talk)
            for _ in range(2):
                await talk.ask(prompt="blue", images=2)
            await talk.until(lambda frame: frame.get("status", {}).get("waiting_gens") == 8)
            last, first, running = (await own(hub, "jobs"))["jobs"][:3]
            assert (first["ahead"], last["ahead"], running["ahead"]) == (0, 2, None)
            assert 0 <= last["begins_in"] <= last["ends_in"] and first["begins_in"] <= first["ends_in"]
            queue = (await hub.http.get("/hub/v1/queue")).json()
            assert (queue["waiting"], queue["drawn"], queue["jobs"], queue["users"]) == (4, 4, 3, 1)
            assert queue["seconds_an_image"] > 0 and not queue["paused"]
            await hub.call("InterruptAll")


class TestStopping:
    async def test_what_waits_only(self, hub: Tenant) -> None:
        async with talking(hub) as talk:
            job = await full(hub, talk, images=6)
            assert await own(hub, "jobs/cancel", job=job, stop="waiting") == {"cancelled": 2}
            assert hub.room(Jobs).counts(user=hub.user).live_gens == 4
            await hub.call("InterruptAll")
            await talk.until("discard_indices")
            assert talk.of("error") == ["Generation session interrupted."] * 4

    async def test_after_this_image(self, hub: Tenant) -> None:
        async with talking(hub) as talk:
            await talk.ask(prompt="red slow", images=8, steps=30)
            await talk.until("gen_progress")
            job = (await own(hub, "jobs"))["jobs"][0]["job"]
            stopped = (await own(hub, "jobs/cancel", job=job, stop="after_this"))["cancelled"]
            await talk.until("discard_indices")
            assert 4 <= stopped < 8 and len(talk.of("image")) == 8 - stopped and talk.of("error") == []

    async def test_an_unknown_way(self, hub: Tenant) -> None:
        async with talking(hub) as talk:
            job = await full(hub, talk)
            assert (await own(hub, "jobs/cancel", job=job, stop="odd"))["field"] == "stop"
            await hub.call("InterruptAll")


class TestRetry:
    async def test_only_what_did_not_come_is_made_with_its_own_seed(self, hub: Tenant) -> None:
        async with talking(hub) as talk:
            await talk.ask(prompt="red slow", images=6, steps=40, seed=100)
            await talk.until("image")
            await hub.call("InterruptAll")
            await talk.until("discard_indices")
        job = (await own(hub, "jobs"))["jobs"][0]
        missing = [image["index"] for image in job["images"] if image["state"] != "done"]
        again = await own(hub, "jobs/retry", job=job["job"])
        assert again["images"] == len(missing) and again["request_id"] == "1002"
        await settled(hub)
        files = (await hub.call("ListImages", path="", depth=9))["files"]
        seeds = [part.split(",")[0] for file in files for part in file["metadata"].split('"seed": ')[1:]]
        assert sorted(map(int, seeds)) == list(range(100, 106))

    async def test_refusals(self, hub: Tenant) -> None:
        await hub.call("GenerateText2Image", **{**SMALL, "prompt": "red"})
        done = (await own(hub, "jobs"))["jobs"][0]["job"]
        stranger = await hub.session_as("user")
        assert "Every image" in (await own(hub, "jobs/retry", job=done))["error"]
        assert "no job" in (await own(hub, "jobs/retry", stranger, job=done))["error"]
        async with talking(hub) as talk:
            job = await full(hub, talk)
            assert "not over" in (await own(hub, "jobs/retry", job=job))["error"]
            await hub.call("InterruptAll")


class TestOrder:
    async def test_ones_own_jobs_come_as_ordered(self, hub: Tenant) -> None:
        async with talking(hub) as talk:
            await full(hub, talk)
            for colour in ("red", "green", "blue"):
                await talk.ask(prompt=colour)
            await talk.until(lambda frame: frame.get("status", {}).get("waiting_gens") == 7)
            third, second, first = [job["job"] for job in (await own(hub, "jobs"))["jobs"][:3]]
            assert await own(hub, "jobs/order", jobs=[third, first, "unknown", third]) == {"ordered": 2}
            assert await own(hub, "jobs/priority", job=second, priority=5) == {"priority": 5}
            places = {job["job"]: job["ahead"] for job in (await own(hub, "jobs"))["jobs"][:3]}
            assert places == {second: 0, third: 1, first: 2}
            await hub.call("InterruptAll")

    async def test_refusals(self, hub: Tenant) -> None:
        stranger = await hub.session_as("user")
        async with talking(hub) as talk:
            job = await full(hub, talk)
            assert (await own(hub, "jobs/priority", stranger, job=job, priority=5))["field"] == "job"
            assert await own(hub, "jobs/order", stranger, jobs=[job]) == {"ordered": 0}
            assert (await own(hub, "jobs/priority", job=job, priority=1001))["field"] == "priority"
            assert (await own(hub, "jobs/order", jobs="x"))["field"] == "jobs"
            await hub.call("InterruptAll")


class TestPause:
    async def test_nothing_starts_until_it_is_resumed(self, hub: Tenant) -> None:
        async with talking(hub) as talk:
            assert await own(hub, "queue/pause") == {"paused": True}
            await talk.ask(prompt="red")
            await talk.until(lambda frame: frame.get("status", {}).get("waiting_backends") == 1)
            await asyncio.sleep(0.2)
            listed = await own(hub, "jobs")
            assert listed["paused"] and listed["jobs"][0]["state"] == "waiting"
            assert await own(hub, "queue/resume") == {"paused": False}
            await talk.until("image")

    async def test_it_is_a_right(self, hub: Tenant) -> None:
        stranger = await hub.session_as("user")
        assert (await own(hub, "queue/pause", stranger))["permission"] == "queue_pause"


class TestLimitsOfRoles:
    async def limited(self, hub: Tenant, quotas: Quotas) -> str:
        """A session of a user with these limits."""
        accounts = hub.room(Accounts)
        name = f"narrow{abs(hash(quotas))}"
        role = ROLES["user"]
        values = {field: getattr(role, field) for field in role.__struct_fields__}
        await accounts.roles.put(type(role)(**{**values, "id": name, "automatic": False, "quotas": quotas}))
        accounts.users.roles_changed()
        return await hub.session_as(name)

    async def test_pixels_and_steps(self, hub: Tenant) -> None:
        session = await self.limited(hub, Quotas(pixels=64 * 64, steps=10))
        ask = {**SMALL, "prompt": "red", "session_id": session}
        assert (await hub.call("GenerateText2Image", **{**ask, "width": 128}))["field"] == "width"
        assert (await hub.call("GenerateText2Image", **{**ask, "steps": 11}))["limit"] == 10
        assert (await hub.call("GenerateText2Image", **ask))["images"]

    async def test_a_day(self, hub: Tenant) -> None:
        session = await self.limited(hub, Quotas(per_day=3))
        ask = {**SMALL, "prompt": "red", "session_id": session}
        assert (await hub.call("GenerateText2Image", **{**ask, "images": 2}))["images"]
        await hub.call("GenerateText2Image", **{**ask, "prompt": "fail"})  # not counted: it did not come
        refusal = await hub.call("GenerateText2Image", **{**ask, "images": 2})
        assert (refusal["field"], refusal["limit"]) == ("images", 1)
        assert 86000 < refusal["frees_in"] <= 86400 and "24 hours" in refusal["error"]
        hub.room(Jobs).admission._days.clear()  # what was counted comes from the store again
        assert (await hub.call("GenerateText2Image", **{**ask, "images": 2}))["limit"] == 1
        assert (await hub.call("GenerateText2Image", **ask))["images"]

    async def test_waiting_images(self, hub: Tenant) -> None:
        session = await self.limited(hub, Quotas(queued=5))
        async with talking(hub, session) as talk:
            await talk.ask(prompt="red hold", images=4)
            await talk.until(lambda frame: frame.get("status", {}).get("live_gens") == 4)
            await talk.ask(prompt="blue", images=2)
            assert (await talk.until("error"))["limit"] == 1
            await hub.call("InterruptAll", session_id=session)

    async def test_at_once(self, hub: Tenant) -> None:
        session = await self.limited(hub, Quotas(images_at_once=2))
        async with talking(hub, session) as talk, talking(hub) as mine:
            for _ in range(2):
                await talk.ask(prompt="red hold", images=3)
            await talk.until(lambda frame: frame.get("status", {}).get("live_gens") == 2)
            await mine.ask(prompt="blue hold", images=2)
            await mine.until(lambda frame: frame.get("status", {}).get("live_gens") == 2)
            assert hub.room(Jobs).counts(session=session).live_gens == 2
            await hub.call("InterruptAll")
            await hub.call("InterruptAll", session_id=session)
            await talk.until("socket_intention")


class TestMonitoring:
    @pytest.mark.unchained("the engine is of another type")
    async def test_metrics(self, hub: Tenant) -> None:
        await hub.call("GenerateText2Image", **{**SMALL, "prompt": "red"})
        answer = await hub.http.get("/hub/v1/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        lines = answer.text.splitlines()
        assert "hub_images_waiting 0.0" in lines and "hub_queue_paused 0.0" in lines
        assert any(line.startswith('hub_images_total{state="done"} ') for line in lines)
        assert 'hub_engine_up{engine="0",type="sketch",status="running"} 1.0' in lines
        for line in lines:
            assert line.startswith("# ") or float(line.rpartition(" ")[2]) >= 0
        stranger = await hub.session_as("user")
        answer = await hub.http.get("/hub/v1/metrics", headers={"X-Session-ID": stranger})
        assert answer.json()["permission"] == "queue_metrics"

    async def test_ready(self, hub: Tenant) -> None:
        answer = await hub.http.get("/hub/v1/ready")
        assert (answer.status_code, answer.json()) == (200, {"ready": True})


async def test_a_pause_outlives_a_restart(tmp_path: Path) -> None:
    for _ in range(2):
        async with running(tmp_path, SETTINGS) as one:
            listed = (await one.post("/hub/v1/jobs", {"session_id": one.session})).json()
            if listed["paused"]:
                assert listed["jobs"][0]["state"] == "waiting" and listed["jobs"][0]["priority"] == 7
                await one.post("/hub/v1/queue/resume", {"session_id": one.session})
                await settled_alone(one)
                continue
            await one.post("/hub/v1/queue/pause", {"session_id": one.session})
            async with talking(one) as talk:
                await talk.ask(prompt="red")
                await talk.until(lambda frame: frame.get("status", {}).get("waiting_backends") == 1)
            job = (await one.post("/hub/v1/jobs", {"session_id": one.session})).json()["jobs"][0]["job"]
            asked = {"session_id": one.session, "job": job, "priority": 7}
            assert (await one.post("/hub/v1/jobs/priority", asked)).json() == {"priority": 7}


async def settled_alone(one: RunningHub) -> None:
    """Wait until the hub's only job is done."""
    async with asyncio.timeout(60):
        while True:
            jobs = (await one.post("/hub/v1/jobs", {"session_id": one.session})).json()["jobs"]
            if jobs[0]["state"] == "done":
                return
            await asyncio.sleep(0.02)


async def test_a_hub_is_ready_while_it_can_draw_and_takes_work(tmp_path: Path) -> None:
    async with running(tmp_path, SETTINGS) as one:
        async with asyncio.timeout(60):
            while (answer := await one.http.get("/hub/v1/ready")).status_code != 200:
                assert answer.status_code == 503
                assert answer.json()["error_id"] == "not_ready" and answer.json()["error"]
                await asyncio.sleep(0.02)
        one.app.board.stopping = True
        assert (await one.http.get("/hub/v1/ready")).status_code == 503
        assert (await one.http.get("/hub/v1/health")).status_code == 200
