"""Bad input of every kind, over HTTP and on a socket that lives on: field and limit are named, nothing is
queued, the next good request works."""

import asyncio
import base64
import json
import struct
import zlib
from typing import Any

import pytest
import websockets

from hub.jobs import Jobs
from tests.hub.running import RunningHub
from tests.swarm_api.sketching import SETTINGS, SMALL, talking

pytestmark = pytest.mark.asyncio(loop_scope="module")
HUB_SETTINGS = {**SETTINGS, "network.max_request_mib": "32"}
MIB = 2**20


@pytest.fixture
def hub(shared_hub: RunningHub) -> RunningHub:
    """One hub for all of them."""
    return shared_hub


def bomb(side: int) -> str:
    """A PNG of a few kilobytes that says it has `side` x `side` pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(MIB))) + chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + parts).decode()


def url(data: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64," + base64.b64encode(data).decode()


LIMITED: list[tuple[str, Any]] = [
    ("images", 0),
    ("images", -1),
    ("images", 10**9),
    ("images", 10**30),
    ("steps", 501),
    ("steps", -1),
    ("steps", 4.5),
    ("steps", "NaN"),
    ("steps", ""),
    ("steps", None),
    ("steps", True),
    ("steps", {"a": 1}),
    ("cfgscale", "NaN"),
    ("cfgscale", "Infinity"),
    ("cfgscale", "-inf"),
    ("cfgscale", 101),
    ("cfgscale", -0.1),
    ("cfgscale", "7,5"),
    ("cfgscale", "1e999"),
    ("width", 63),
    ("width", 16385),
    ("height", "tall"),
    ("seed", -2),
    ("seed", 2**63),
    ("sampler", "no such sampler"),
    ("scheduler", "no such scheduler"),
    ("aspectratio", "7:1"),
    ("rawresolution", "0x0"),
    ("rawresolution", "wide"),
    ("donotsave", 1),
    ("nopreviews", "yes"),
    ("batchsize", 0),
    ("batchsize", 101),
    ("imageformat", "BMP"),
    ("exactbackendid", 99),
    ("presets", {}),
    ("extra_metadata", [1]),
    ("initimage", url(b"no picture at all")),
    ("initimage", url(b"GIF89a" + bytes(40), "gif")),
    ("initimage", bomb(9000)),
    ("initimage", bomb(60000)),
    ("prompt", "x" * (100 * 1024 + 1)),
    ("prompt", "ä" * (51 * 1024)),
    ("prompt", "x" * 10_000_000),
    ("negativeprompt", "x" * 10_000_000),
    ("prompt", "x" * (20 * MIB)),
]
NAMED: list[tuple[str, Any]] = [
    ("model", "no such model"),
    ("prompt", {"a": "b"}),
    ("initimage", "data:image/png;base64,!!!!"),
    ("initimage", "raw/../../../../etc/passwd"),
    ("initimage", "https://example.com/a.png"),
]
CASES = LIMITED + NAMED
NAMES = [f"{field}-{str(value)[:20]}-{len(str(value))}" for field, value in CASES]


@pytest.mark.parametrize(("field", "value"), CASES, ids=NAMES)
async def test_it_is_refused_by_field_and_nothing_is_queued(hub: RunningHub, field: str, value: Any) -> None:
    body = {**SMALL, "prompt": "a red thing", field: value}
    answer = await hub.call("GenerateText2Image", **body)
    async with talking(hub) as talk:
        await talk.ask(prompt="red")
        await talk.until("image")
        await talk.ask(**body)
        frame = await talk.until("error")
        for refusal in (answer, frame):
            assert refusal["error"] and refusal["field"] == field, refusal
            assert len(refusal["error"]) < 600
            if (field, value) in LIMITED:
                assert refusal.get("limit"), refusal
        await talk.ask(prompt="blue")
        await talk.until("image")
    assert hub.room(Jobs).counts().idle


class TestFrames:
    async def test_a_frame_over_the_limit_closes_with_1009(self, hub: RunningHub) -> None:
        async with talking(hub) as talk:
            await talk.ask(prompt="red")
            await talk.until("image")
            with pytest.raises(websockets.ConnectionClosed):
                await talk.socket.send("x" * (33 * MIB))
                await talk.rest()
            assert talk.socket.close_code == 1009
        async with talking(hub) as talk:
            await talk.ask(prompt="red")
            assert await talk.until("image")

    @pytest.mark.parametrize("frame", ["{oops", "[]", "null", '{"images":NaN}', '{"prompt":"no images"}'])
    async def test_a_frame_that_is_no_request_disturbs_nothing(self, hub: RunningHub, frame: str) -> None:
        async with talking(hub) as talk:
            await talk.ask(prompt="red slow", steps=4)
            await talk.until("gen_progress")
            await talk.socket.send(frame)
            refusal = await talk.until("error")
            assert refusal["field"]
            await talk.until("image")
            await talk.ask(prompt="blue")
            await talk.until("image")

    async def test_a_first_frame_without_images_is_answered_and_closed(self, hub: RunningHub) -> None:
        for images in ({}, {"images": "many"}, {"images": None}):
            frames = await hub.talk("GenerateText2ImageWS", prompt="x", **images)
            assert [frame["field"] for frame in frames] == ["images"]


class TestLegalOddities:
    @pytest.mark.parametrize(
        "odd",
        [
            {"steps": 0},
            {"steps": "0", "images": 2},
            {"prompt": None},
            {"prompt": 5},
            {"prompt": ["a", "b"]},
            {"cfgscale": 0},
            {"seed": 2**63 - 1, "images": 2},
            {"no_such_parameter": {"deep": [1]}},
            {"presets": ["no such preset"]},
        ],
        ids=str,
    )
    async def test_it_is_answered_with_pictures(self, hub: RunningHub, odd: dict[str, Any]) -> None:
        body = {**SMALL, "prompt": "red", **odd}
        answer = await hub.call("GenerateText2Image", **body)
        assert len(answer["images"]) == int(body["images"]), answer

    async def test_spellings_of_keys_and_models(self, hub: RunningHub) -> None:
        spelled = {"CFG Scale": 3, "negative_prompt": "x", "NoPreviews": "True", "Image-Format": "jpg"}
        answer = await hub.call(
            "GenerateText2Image", images="1", prompt="red", model="DOOD", width="64.0", height=64.0, **spelled
        )
        assert answer["images"][0].endswith(".jpg")
        files = (await hub.call("ListImages", path="", depth=5))["files"]
        given = [json.loads(file["metadata"])["sui_image_params"] for file in files]
        assert any(params.get("cfgscale") == 3 and params["model"] == "doodle" for params in given)

    async def test_many_bad_ones_at_once_leave_no_trace(self, hub: RunningHub) -> None:
        calls = [hub.call("GenerateText2Image", **{**SMALL, "prompt": "x", "width": w}) for w in range(40)]
        assert all(answer["field"] == "width" for answer in await asyncio.gather(*calls))
        assert hub.room(Jobs).counts().idle
