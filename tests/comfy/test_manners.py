"""The recorded server's ways that bite, one by one: what a client must live with is there."""

import asyncio
import io
import json
from typing import Any

import httpx
import pytest
import websockets
from PIL import Image
from websockets.exceptions import ConnectionClosedError

from tests.comfy.asking import Asking, asking, drawing
from tests.comfy.catalogue import MODELS, choices, object_info
from tests.comfy.refusals import faults
from tests.comfy.server import Settings
from tests.comfy.serving import Comfy, serving

LONG = 400  # steps that nothing waits for


async def state(client: Asking, prompt_id: str) -> str:
    """What the jobs route says of a prompt."""
    answer = await client.http.get(f"/api/jobs/{prompt_id}")
    return str(answer.json().get("status", "absent"))


async def ended(comfy: Comfy, count: int) -> None:
    """Wait for so many prompts to be in the history."""
    async with asyncio.timeout(60):
        while len(comfy.memory.history) < count:  # noqa: ASYNC110 (a memory to look into is all there is)
            await asyncio.sleep(0.01)


async def opened(comfy: Comfy, client_id: str) -> Any:
    """A bare socket; its first frame is read."""
    address = f"ws://127.0.0.1:{comfy.port}/ws?clientId={client_id}"
    socket = await websockets.connect(address, max_size=None, compression=None, proxy=None)
    await socket.recv()
    return socket


async def test_history_comes_after_the_word_of_success() -> None:
    async with serving(Settings(step_seconds=0, history_lag=0.05)) as comfy, asking(comfy.url) as client:
        answer = await client.post(drawing())
        await client.until("execution_success")
        assert (await client.http.get(f"/history/{answer['prompt_id']}")).json() == {}
        await client.end()
        entry = (await client.http.get(f"/history/{answer['prompt_id']}")).json()[answer["prompt_id"]]
        assert entry["status"]["status_str"] == "success"
        await client.http.post("/history", json={"delete": [answer["prompt_id"]]})
        assert (await client.http.get(f"/history/{answer['prompt_id']}")).json() == {}


async def test_pictures_follow_seed_and_prompt_and_have_the_latents_size() -> None:
    async with serving(Settings(step_seconds=0)) as comfy, asking(comfy.url) as client:
        seen = []
        for seed in (1, 2, 1):
            await client.post(drawing(seed, save="SaveImageWebsocket", width=96, batch_size=2))
            frames = await client.end()
            seen.append([frame[2] for frame in frames if frame[0] == "binary 4"])
        assert seen[0] == seen[2] != seen[1]
        assert seen[0][0] != seen[0][1]
        assert Image.open(io.BytesIO(seen[0][0])).size == (96, 64)


async def test_of_two_sockets_with_one_id_the_newer_goes_silent_when_the_older_closes() -> None:
    async with serving(Settings(step_seconds=0.02)) as comfy, asking(comfy.url, client_id="same") as older:
        answer = await older.post(drawing(steps=LONG))
        await older.until("progress")
        newer = await opened(comfy, "same")
        assert json.loads(await newer.recv()) == {"type": "executing", "data": {"node": "3"}}
        await older.socket.close()
        await asyncio.sleep(0.05)
        with pytest.raises(TimeoutError):
            while True:  # what was on its way, then nothing more though it runs on
                async with asyncio.timeout(0.2):
                    await newer.recv()
        assert await state(older, answer["prompt_id"]) == "in_progress"
        await newer.close()


async def test_a_reader_that_stalls_silences_everybody_until_it_leaves() -> None:
    settings = Settings(step_seconds=0.01, grain=True)
    async with serving(settings) as comfy, asking(comfy.url) as client:
        address = f"ws://127.0.0.1:{comfy.port}/ws?clientId=stalled"
        async with websockets.connect(
            address, max_size=None, compression=None, proxy=None, max_queue=1
        ) as stalled:
            graph = drawing(save="SaveImageWebsocket", width=1024, height=1024, batch_size=6)
            await client.http.post("/prompt", json={"prompt": graph, "client_id": "stalled"})
            await ended(comfy, 1)
            await client.post(drawing())
            await ended(comfy, 2)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await client.until("execution_start")
            stalled.transport.abort()
        assert "execution_success" in [frame[0] for frame in await client.end()]


async def test_a_killed_server_ends_sockets_without_a_word_and_forgets_everything() -> None:
    async with serving(Settings(step_seconds=0.02)) as comfy, asking(comfy.url) as client:
        answer = await client.post(drawing(steps=LONG))
        await client.until("progress")
        await comfy.restart()
        with pytest.raises(ConnectionClosedError) as ended:
            await client.end()
        assert ended.value.rcvd is None
        assert await state(client, answer["prompt_id"]) == "absent"
        assert (await client.http.get("/prompt")).json()["exec_info"]["queue_remaining"] == 0


async def test_an_interrupt_by_id_alone_misses_what_still_waits() -> None:
    async with serving(Settings(step_seconds=0.005)) as comfy, asking(comfy.url) as client:
        first = await client.post(drawing(steps=40))
        second = await client.post(drawing(2, steps=2))
        await client.http.post("/interrupt", json={"prompt_id": second["prompt_id"]})
        assert await state(client, first["prompt_id"]) == "in_progress"
        assert await state(client, second["prompt_id"]) == "pending"
        await client.http.post("/queue", json={"delete": [second["prompt_id"]]})
        assert await state(client, second["prompt_id"]) == "absent"
        await client.end()
        assert comfy.memory.started == [first["prompt_id"]]


async def test_an_interrupt_between_taking_and_starting_is_lost() -> None:
    async with serving(Settings(step_seconds=0.01, start_gap=0.1)) as comfy, asking(comfy.url) as client:
        answer = await client.post(drawing(steps=5))
        cancelled = await client.http.post(f"/api/jobs/{answer['prompt_id']}/cancel")
        assert cancelled.json() == {"cancelled": True}
        assert "execution_success" in [frame[0] for frame in await client.end()]


async def test_the_order_is_by_number_and_front_goes_before_all() -> None:
    async with serving(Settings(step_seconds=0.01)) as comfy, asking(comfy.url) as client:
        ids = [(await client.post(drawing(0, steps=20)))["prompt_id"]]
        places: list[dict[str, Any]] = [{}, {"front": True}, {"number": -1000}, {"number": 1e6}]
        for at, more in enumerate(places):
            ids.append((await client.post(drawing(at + 1, steps=1), **more))["prompt_id"])
        for _ in ids:
            await client.end()
        assert comfy.memory.started == [ids[0], ids[3], ids[2], ids[1], ids[4]]


async def test_an_old_server_has_no_cancel_route_and_calls_an_interrupted_job_failed() -> None:
    async with serving(Settings(version="0.8.0", step_seconds=0.02)) as comfy, asking(comfy.url) as client:
        answer = await client.post(drawing(steps=LONG), prompt_id="not-a-uuid")
        assert answer["prompt_id"] == "not-a-uuid"
        await client.until("progress")
        cancel = await client.http.post("/api/jobs/not-a-uuid/cancel")
        assert cancel.status_code == 405
        await client.http.post("/interrupt", json={"prompt_id": "not-a-uuid"})
        assert "execution_interrupted" in [frame[0] for frame in await client.end()]
        assert await state(client, "not-a-uuid") == "failed"


async def test_before_the_id_was_read_an_interrupt_hits_whatever_runs() -> None:
    async with serving(Settings(version="0.3.55", step_seconds=0.02)) as comfy, asking(comfy.url) as client:
        await client.post(drawing(steps=LONG))
        await client.until("progress")
        await client.http.post("/interrupt", json={"prompt_id": "another"})
        assert "execution_interrupted" in [frame[0] for frame in await client.end()]
        assert (await client.http.get("/api/jobs/x")).status_code == 404


async def test_uploads_keep_equal_bytes_and_number_others() -> None:
    async with serving() as comfy, httpx.AsyncClient(base_url=comfy.url, trust_env=False) as http:

        async def send(data: bytes, **fields: str) -> httpx.Response:
            return await http.post("/upload/image", files={"image": ("a.png", data)}, data=fields)

        binary = bytes(range(256)) + b"\r\n--\r\n"
        assert (await send(binary)).json()["name"] == "a.png"
        assert (await send(binary)).json()["name"] == "a.png"
        assert (await send(b"other")).json()["name"] == "a (1).png"
        assert (await send(b"new", overwrite="true", subfolder="hub/u1")).json() == {
            "name": "a.png",
            "subfolder": "hub/u1",
            "type": "input",
        }
        assert comfy.memory.files.named("a.png") == binary
        assert comfy.memory.files.named("hub/u1/a.png") == b"new"
        assert (await send(b"x", subfolder="../../x")).status_code == 400
        assert (await send(b"x", type="nosuch")).status_code == 500
        assert (await http.post("/upload/image", files={"foo": (None, "bar")})).status_code == 400
        assert (await http.get("/view?filename=..%2Fx.png&type=input")).status_code == 400
        assert (await http.get("/view?filename=none.png&type=input")).status_code == 404


async def test_a_proxys_password_is_asked_for_on_requests_and_sockets() -> None:
    async with serving(Settings(auth=("Authorization", "Bearer x"))) as comfy:
        async with httpx.AsyncClient(base_url=comfy.url, trust_env=False) as http:
            assert (await http.get("/prompt")).status_code == 401
            assert (await http.get("/prompt", headers={"Authorization": "Bearer x"})).status_code == 200
        with pytest.raises(websockets.InvalidStatus):
            await opened(comfy, "a")


def test_both_spellings_of_a_choice_are_told_and_lists_are_filled() -> None:
    told = object_info({**MODELS, "upscale_models": ("a.pth",)}, without=("SaveImageWebsocket",))
    old = told["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"]
    new = told["UpscaleModelLoader"]["input"]["required"]["model_name"]
    assert isinstance(old[0], list)
    assert new[0] == "COMBO"
    assert choices(new) == ["a.pth"]
    assert "SaveImageWebsocket" not in told


def test_faults_are_told_beyond_what_the_server_refuses() -> None:
    told = object_info(MODELS)
    graph = drawing(bogus=1)
    graph["8"]["inputs"]["vae"] = "text"
    assert faults(drawing(), told) == []
    assert len(faults(graph, told)) == 2
