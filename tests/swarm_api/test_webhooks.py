"""`/hub/v1/webhooks`: users' addresses are told, again when they fail, over a restart too."""

import asyncio
import hashlib
import hmac
import socket
from pathlib import Path
from typing import Any

import pytest

from hub.jobs import Jobs
from tests.hub.running import RunningHub, running
from tests.swarm_api.receiving import receiving
from tests.swarm_api.sketching import SETTINGS, SMALL

OPEN = {**SETTINGS, "webhooks.private_addresses": "true", "webhooks.retry_seconds": "0.2"}
Answer = dict[str, Any]


async def own(hub: RunningHub, path: str, by: str | None = None, **body: Any) -> Answer:
    answer = await hub.post(f"/hub/v1/{path}", {"session_id": by or hub.session, **body})
    found: Answer = answer.json()
    return found


async def draw(hub: RunningHub, **params: Any) -> None:
    await hub.call("GenerateText2Image", **{**SMALL, "prompt": "red", **params})


async def test_a_webhook_is_told_signed_and_only_what_it_asked_for(tmp_path: Path) -> None:
    async with receiving() as receiver, running(tmp_path / "data", OPEN) as hub:
        made = await own(hub, "webhooks/create", url=receiver.url, events=["imaged", "ended"])
        stranger = await hub.session_as("user")
        await hub.call("GenerateText2Image", **{**SMALL, "prompt": "blue", "session_id": stranger})
        await draw(hub, images=2)
        await receiver.until(lambda calls: len(calls) == 3)
        assert sorted(call.json["event"] for call in receiver.calls) == ["ended", "imaged", "imaged"]
        call = next(call for call in receiver.calls if call.json["event"] == "imaged")
        assert call.line == "POST /hook?a=1 HTTP/1.1"
        signed = f"{call.headers['x-hub-timestamp']}.".encode() + call.body
        expected = hmac.new(made["secret"].encode(), signed, hashlib.sha256).hexdigest()
        assert call.headers["x-hub-signature"] == f"sha256={expected}"
        assert call.json["data"]["url"].startswith("View/local/")
        assert call.json["data"]["metadata"]["sui_image_params"]["prompt"] == "red"
        log = await settled(hub, made["webhook"])
        assert [(row["state"], row["status"], row["tries"]) for row in log] == [("delivered", 200, 1)] * 3
        assert (await own(hub, "webhooks"))["webhooks"][0]["waiting"] == 0


async def test_a_filter_holds_over_a_restart(tmp_path: Path) -> None:
    only = {"words": ["tiger"], "models": ["doodle"], "states": ["done"]}
    async with receiving() as receiver:
        async with running(tmp_path / "data", OPEN) as hub:
            refused = await own(hub, "webhooks/create", url=receiver.url, filter={"model": ["doodle"]})
            assert refused["field"] == "filter"
            await own(hub, "webhooks/create", url=receiver.url, events=["imaged", "ended"], filter=only)
            assert (await own(hub, "webhooks"))["webhooks"][0]["filter"] == only
            await draw(hub, prompt="a red Tiger")
            await draw(hub, prompt="a red lion")
            await receiver.until(lambda calls: len(calls) == 2)
        async with running(tmp_path / "data", OPEN) as hub:
            await draw(hub, prompt="a lion")
            await draw(hub, prompt="a blue tiger")
            await receiver.until(lambda calls: len(calls) == 4)
            prompts = [
                call.json["data"]["metadata"]["sui_image_params"]["prompt"]
                for call in receiver.calls
                if call.json["event"] == "imaged"
            ]
            assert prompts == ["a red Tiger", "a blue tiger"]


async def settled(hub: RunningHub, webhook: str) -> list[Answer]:
    async with asyncio.timeout(60):
        while True:
            log: list[Answer] = (await own(hub, "webhooks/deliveries", webhook=webhook))["deliveries"]
            if log and all(row["finished"] for row in log):
                return log
            await asyncio.sleep(0.02)


async def test_a_failure_is_tried_again_and_given_up(tmp_path: Path) -> None:
    settings = {**OPEN, "webhooks.tries": "2"}
    async with receiving() as receiver, running(tmp_path / "data", settings) as hub:
        receiver.status = 503
        made = await own(hub, "webhooks/create", url=receiver.url, events=["ended"])
        await draw(hub)
        row = (await settled(hub, made["webhook"]))[0]
        assert (row["state"], row["tries"], row["status"]) == ("failed", 2, 503)
        assert "503" in row["error"]
        first, second = receiver.calls
        assert first.headers["x-hub-delivery"] == second.headers["x-hub-delivery"]


async def test_what_is_on_its_way_goes_on_after_a_restart(tmp_path: Path) -> None:
    async with receiving() as receiver:
        receiver.status = 500
        async with running(tmp_path / "data", {**OPEN, "webhooks.retry_seconds": "2"}) as hub:
            made = await own(hub, "webhooks/create", url=receiver.url, events=["ended"])
            await draw(hub)
            await receiver.until(lambda calls: len(calls) == 1)
        receiver.status = 200
        async with running(tmp_path / "data", OPEN) as hub:
            row = (await settled(hub, made["webhook"]))[0]
            assert row["state"] == "delivered"
            assert receiver.calls[0].body == receiver.calls[-1].body
            await draw(hub)
            await receiver.until(lambda calls: len(calls) == 3)


async def test_generation_does_not_wait_for_a_receiver(tmp_path: Path) -> None:
    async with receiving() as receiver, running(tmp_path / "data", OPEN) as hub:
        receiver.free.clear()
        made = await own(hub, "webhooks/create", url=receiver.url)
        async with asyncio.timeout(60):
            await draw(hub, images=3)
        assert (await own(hub, "webhooks"))["webhooks"][0]["waiting"] >= 1
        await own(hub, "webhooks/delete", webhook=made["webhook"])
        await draw(hub)
        assert (await own(hub, "webhooks"))["webhooks"] == []
        assert "field" in await own(hub, "webhooks/deliveries", webhook=made["webhook"])
        assert len(receiver.calls) == 1
        assert hub.room(Jobs).counts().idle


async def test_a_trial(tmp_path: Path) -> None:
    async with receiving() as receiver, running(tmp_path / "data", OPEN) as hub:
        made = await own(hub, "webhooks/create", url=receiver.url)
        assert (await own(hub, "webhooks/test", webhook=made["webhook"]))["delivered"] is True
        assert receiver.calls[0].json == {
            "event": "test",
            "at": receiver.calls[0].json["at"],
            "data": {"user": "local"},
        }
        receiver.status, receiver.location = 302, "http://127.0.0.1:1/elsewhere"
        answer = await own(hub, "webhooks/test", webhook=made["webhook"])
        assert (answer["delivered"], answer["status"]) == (False, 302)  # not followed
        assert len(receiver.calls) == 2
        assert len((await own(hub, "webhooks/deliveries", webhook=made["webhook"]))["deliveries"]) == 2


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/x",
        "https://10.1.2.3/x",
        "https://[::1]/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[::ffff:192.168.0.1]/x",
        "http://example.com/x",
        "https://me:word@example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
    ],
)
@pytest.mark.hub_settings()
async def test_addresses_inside_are_refused(hub: RunningHub, url: str) -> None:
    answer = await own(hub, "webhooks/create", url=url)
    assert answer["field"] == "url", answer
    assert (await own(hub, "webhooks"))["webhooks"] == []


async def test_a_name_that_leads_inside_is_not_called(hub: RunningHub, free_port: int) -> None:
    made = await own(hub, "webhooks/create", url=f"https://localhost:{free_port}/x")
    with socket.socket() as trap:
        trap.bind(("127.0.0.1", free_port))
        trap.listen()
        trap.setblocking(False)
        answer = await own(hub, "webhooks/test", webhook=made["webhook"])
        with pytest.raises(BlockingIOError):
            trap.accept()
    assert answer["delivered"] is False
    assert "webhooks.private_addresses" in answer["error"]


async def test_what_is_not_allowed(hub: RunningHub) -> None:
    guest = await hub.session_as("guest")
    assert (await own(hub, "webhooks/create", guest, url="https://a.example/"))["permission"] == (
        "manage_webhooks"
    )
    assert (await own(hub, "webhooks/create", url="https://a.example/", events=["x"]))["field"] == "events"
    made = await own(hub, "webhooks/create", url="https://a.example/")
    stranger = await hub.session_as("owner")
    for path in ("webhooks/delete", "webhooks/test", "webhooks/deliveries"):
        assert (await own(hub, path, stranger, webhook=made["webhook"]))["field"] == "webhook"
    for _ in range(9):
        await own(hub, "webhooks/create", url="https://a.example/")
    assert (await own(hub, "webhooks/create", url="https://a.example/"))["limit"] == 10
    assert len((await own(hub, "webhooks"))["webhooks"]) == 10
