"""The server's own webhooks (swarm-api §12), told by a running hub."""

import asyncio
from pathlib import Path
from typing import Any

from tests.hub.running import RunningHub, running
from tests.swarm_api.receiving import Receiver, receiving
from tests.swarm_api.sketching import SETTINGS, SMALL


def settings(receiver: Receiver, *names: str, **more: str) -> dict[str, str]:
    found = {**SETTINGS, "webhooks.queue_end_delay": "0.1"}
    for name in names:
        found[f"webhooks.{name}"] = f"http://127.0.0.1:{receiver.port}/{name}"
    return found | {f"webhooks.{name}": value for name, value in more.items()}


def paths(receiver: Receiver) -> list[str]:
    return [call.line.split()[1][1:] for call in receiver.calls]


async def draw(hub: RunningHub, **params: Any) -> Any:
    return await hub.call("GenerateText2Image", **{**SMALL, "prompt": "red", **params})


async def test_the_server_and_the_queue_begin_and_end(tmp_path: Path) -> None:
    names = ("server_start", "queue_start", "queue_end", "server_shutdown")
    async with receiving() as receiver:
        chosen = settings(receiver, *names, queue_start_data='{"text": "begun"}')
        async with running(tmp_path / "data", chosen) as hub:
            await receiver.until(lambda calls: len(calls) == 1)
            assert len((await draw(hub))["images"]) == 1
            await receiver.until(lambda calls: len(calls) == 3)
        assert paths(receiver) == list(names)
        assert [call.body for call in receiver.calls] == [b"{}", b'{"text": "begun"}', b"{}", b"{}"]


async def test_the_first_image_waits_for_the_start_and_not_for_ever(tmp_path: Path) -> None:
    async with receiving() as receiver:
        chosen = settings(receiver, "queue_start", wait_seconds="1.5")
        async with running(tmp_path / "data", chosen) as hub:
            receiver.free.clear()
            drawing = asyncio.create_task(draw(hub))
            await receiver.until(lambda calls: calls)
            await asyncio.sleep(0.3)
            assert (await hub.call("GetCurrentStatus"))["status"]["live_gens"] == 0
            assert not drawing.done()
            async with asyncio.timeout(60):
                assert len((await drawing)["images"]) == 1
            receiver.free.set()


async def test_pictures_are_told_of_as_the_request_asks(tmp_path: Path) -> None:
    template = '{"prompt": "%prompt%", "seed": %seed%, "image": "%image%"}'
    async with receiving() as receiver:
        chosen = settings(
            receiver, "every_gen", "manual_gen", every_gen_data=template, manual_gen_data=template
        )
        chosen["network.external_url"] = "https://hub.example/"
        async with running(tmp_path / "data", chosen) as hub:

            async def told(wanted: int, **params: Any) -> list[str]:
                receiver.calls.clear()
                await draw(hub, **params)
                await receiver.until(lambda calls: len(calls) >= wanted)
                return sorted(paths(receiver))

            assert await told(1, prompt='say "red"', seed=5) == ["every_gen"]
            said = receiver.calls[0].json
            assert (said["prompt"], said["seed"]) == ('say "red"', 5)
            assert said["image"].startswith("https://hub.example/View/local/")
            assert await told(2, webhooks="Manual") == ["every_gen", "manual_gen"]
            found = await told(3, webhooks="Manual At End", images=2)
            assert found == ["every_gen", "every_gen", "manual_gen"]
            manual = next(call for call in receiver.calls if "manual" in call.line)
            assert manual.json["image"] == ""
            assert await told(0, webhooks="None") == []
            await told(1, donotsave=True)
            assert receiver.calls[-1].json["image"].startswith("data:image/")


async def test_a_form_has_the_picture_as_a_file(tmp_path: Path) -> None:
    async with receiving() as receiver:
        chosen = settings(receiver, "every_gen", every_gen_data='[discord_image]{"content": "%model%"}')
        async with running(tmp_path / "data", chosen) as hub:
            await draw(hub)
            await receiver.until(lambda calls: calls)
            call = receiver.calls[0]
            assert call.headers["content-type"].startswith("multipart/form-data; boundary=")
            assert b'{"content": "doodle"}' in call.body
            assert b"\x89PNG\r\n" in call.body


async def test_generation_goes_on_when_nobody_answers(tmp_path: Path) -> None:
    chosen = {
        **SETTINGS,
        "webhooks.queue_start": "http://127.0.0.1:1/x",
        "webhooks.every_gen": "http://127.0.0.1:1/x",
        "webhooks.server_shutdown": "not an address",
    }
    async with running(tmp_path / "data", chosen) as hub:
        async with asyncio.timeout(60):
            assert len((await draw(hub, images=3))["images"]) == 3
