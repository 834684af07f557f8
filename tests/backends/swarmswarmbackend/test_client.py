"""The client against a server that speaks as SwarmUI does."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from backends.contract import (
    Cancel,
    Cancelled,
    Done,
    Failed,
    Free,
    Held,
    Image,
    Load,
    Loaded,
    Loading,
    Misconfigured,
    ModelRef,
    Offers,
    Progress,
    Ready,
    Report,
    Started,
    Submit,
    Surroundings,
    Unreachable,
    Work,
)
from backends.swarmswarmbackend.client import SwarmClient
from backends.swarmswarmbackend.engine import SwarmSettings
from backends.swarmswarmbackend.files import kind_of
from tests.backends.swarmswarmbackend.swarmui import SwarmUI, picture, serving, url

WORK = Work("job:0", "ann", "s", ModelRef("a.safetensors", ""), "a cat", width=8, height=8, steps=10)
END: dict[str, Any] = {"discard_indices": []}


class Told:
    """Everything the client has said."""

    def __init__(self) -> None:
        self.reports: list[Report] = []
        self.life: asyncio.Task[None] | None = None

    async def until(self, wanted: Callable[[Report], bool], seconds: float = 10) -> Report:
        """The first report that is wanted; what ended the life is raised."""
        async with asyncio.timeout(seconds):
            while not (found := [report for report in self.reports if wanted(report)]):
                if self.life is not None and self.life.done():
                    self.life.result()
                await asyncio.sleep(0.005)
        return found[0]

    async def end(self) -> Report:
        """How the work ended."""
        return await self.until(lambda report: isinstance(report, Done | Failed | Cancelled))

    def of(self, kind: type) -> list[Any]:
        return [report for report in self.reports if isinstance(report, kind)]


async def no_key(user: str, kind: str) -> str:
    return ""


@asynccontextmanager
async def talking(swarm: SwarmUI, **settings: Any) -> AsyncIterator[tuple[SwarmClient, Told]]:
    """A client that is ready."""
    told = Told()
    around = Surroundings(0, told.reports.append, no_key, "ourselves")
    client = SwarmClient(SwarmSettings(address=swarm.address, **settings), around)
    told.life = asyncio.create_task(client.run())
    try:
        await told.until(lambda report: isinstance(report, Ready))
        yield client, told
    finally:
        told.life.cancel()
        await asyncio.gather(told.life, return_exceptions=True)


@pytest.fixture
async def swarm() -> AsyncIterator[SwarmUI]:
    async with serving() as swarm:
        yield swarm


def status(**counters: int) -> dict[str, Any]:
    return {"status": {"waiting_gens": 1, **counters}, "backend_status": {}, "supported_features": []}


def going(part: float, **more: Any) -> dict[str, Any]:
    return {"gen_progress": {"batch_index": "0", "overall_percent": part, "current_percent": 0.5, **more}}


def final(image: str, **extra: Any) -> dict[str, Any]:
    block = json.dumps({"sui_image_params": {}, "sui_extra_data": extra})
    return {"image": image, "batch_index": "0", "request_id": "1001", "metadata": block}


async def test_what_it_has_is_told(swarm: SwarmUI) -> None:
    async with talking(swarm) as (_, told):
        (ready,), (offers,), (held,) = told.of(Ready), told.of(Offers), told.of(Held)
        assert ready.slots == 2 and {"comfyui", "loras"} <= set(ready.features)
        assert ready.samplers == ("euler",) and ready.servers == ("one",) and ready.device == ""
        assert {model.subtype for model in offers.models} >= {"LoRA", "VAE", "Stable-Diffusion"}
        assert held.models == ("a.safetensors",)
        assert swarm.asked("ListBackends")[0].items() >= {"nonreal": True, "full_data": True}.items()


async def test_a_picture_with_previews_in_any_format(swarm: SwarmUI) -> None:
    swarm.script = [
        status(waiting_backends=1),
        status(loading_models=1),
        status(live_gens=1),
        going(0.0, metadata="{}"),
        going(0.3, preview=url(picture("WEBP"), "webp")),
        going(0.6, preview="data:image/webp;base64,nonsense"),
        {"image": url(picture(), "png"), "batch_index": "-1", "request_id": "1001", "metadata": None},
        {"keep_alive": True},
        final(url(picture("JPEG"), "jpeg"), generation_time="4.84 sec", odd_words=["x"]),
    ]
    async with talking(swarm) as (client, told):
        client.handle(Submit(WORK))
        assert isinstance(await told.end(), Done)
        kinds = [type(report) for report in told.reports if not isinstance(report, Offers | Ready | Held)]
        assert [kind for kind in kinds if kind in (Loading, Started, Image, Done)] == [
            Loading,
            Started,
            Image,
            Done,
        ]
        first, second = told.of(Progress)
        assert (first.step, first.steps, second.step, second.preview) == (3, 10, 6, None)
        assert kind_of(first.preview) == "JPEG"
        (image,) = told.of(Image)
        assert kind_of(image.data) == "PNG" and image.seconds == 4.84 and image.notes == {"odd_words": ["x"]}
        (asked,) = swarm.asked("GenerateText2ImageWS")
        assert asked["hubchain"] == "ourselves" and asked["images"] == 1 and asked["donotsave"] is True


async def test_a_picture_that_is_a_file_there_is_fetched(swarm: SwarmUI) -> None:
    swarm.script = [final("View/local/raw/a b.png")]
    async with talking(swarm) as (client, told):
        client.handle(Submit(WORK))
        assert isinstance(await told.end(), Done) and kind_of(told.of(Image)[0].data) == "PNG"


async def test_a_picture_elsewhere_is_not(swarm: SwarmUI) -> None:
    swarm.script = [final("//other.example/a.png")]
    async with talking(swarm) as (client, told):
        client.handle(Submit(WORK))
        end = await told.end()
        assert isinstance(end, Failed) and "elsewhere" in end.reason


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        ([{"error": "Invalid steps", "field": "steps"}, END], "Invalid steps."),
        ([{"error": "No backends available!"}, END], "The other hub says: No backends available!"),
        ([END], "The other hub finished without a picture."),
        ([{"socket_intention": "close"}], "The other hub finished without a picture."),
        ([], "The other hub finished without a picture."),
        ([{"error": "Generation session interrupted."}, END], "Somebody stopped this picture"),
        ([final("data:image/png;base64,AAAA")], "no picture"),
    ],
    ids=["refused", "engines", "discarded", "closing", "closed", "stopped", "broken"],
)
async def test_no_picture_is_told_in_words(swarm: SwarmUI, frames: list[Any], reason: str) -> None:
    swarm.script = frames
    async with talking(swarm) as (client, told):
        client.handle(Submit(WORK))
        end = await told.end()
        assert isinstance(end, Failed) and not end.retry and reason in end.reason
        assert end.extra == ({"field": "steps"} if "steps" in reason else {})


async def test_dead_sessions_are_begun_anew(swarm: SwarmUI) -> None:
    swarm.script = [final(url(picture(), "png"))]
    async with talking(swarm) as (client, told):
        client.handle(Submit(WORK))
        await told.end()
        swarm.dead = {"S1", "S2"}
        told.reports.clear()
        client.handle(Submit(WORK))
        assert isinstance(await told.end(), Done)
        assert [asked["session_id"] for asked in swarm.asked("GenerateText2ImageWS")] == ["S2", "S2", "S3"]
        client.handle(Load("t", WORK.model))
        assert isinstance(await told.until(lambda report: isinstance(report, Loaded)), Loaded)


async def test_stopping_interrupts_the_sessions_one_work(swarm: SwarmUI) -> None:
    swarm.script = [status(live_gens=1)]
    swarm.hang.clear()
    async with talking(swarm) as (client, told):
        for number in range(2):
            client.handle(Submit(Work(f"job:{number}", "ann", "s", WORK.model, "x")))
        async with asyncio.timeout(60):
            while len(told.of(Started)) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        client.handle(Cancel(("job:1", "unknown")))
        async with asyncio.timeout(60):
            while not swarm.asked("InterruptAll"):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        (stopped,) = {asked["session_id"] for asked in swarm.asked("InterruptAll")}
        assert swarm.asked("InterruptAll")[0]["other_sessions"] is False
        works = {asked["session_id"] for asked in swarm.asked("GenerateText2ImageWS")}
        assert len(works) == 2 and stopped in works
        swarm.hang.set()
        assert await told.until(lambda report: report == Cancelled("job:1"))


async def test_a_broken_connection_stops_the_work_there_and_asks_again(swarm: SwarmUI) -> None:
    swarm.script, swarm.cut = [status(live_gens=1)], True
    async with talking(swarm) as (client, told):
        client.handle(Submit(WORK))
        end = await told.end()
        assert isinstance(end, Failed) and end.retry
        assert (
            swarm.asked("InterruptAll")[0]["session_id"]
            == swarm.asked("GenerateText2ImageWS")[0]["session_id"]
        )


async def test_a_server_started_anew_ends_the_life(swarm: SwarmUI) -> None:
    swarm.script, swarm.cut = [], True
    async with talking(swarm) as (client, told):
        swarm.server_id = "two"
        client.handle(Submit(WORK))
        with pytest.raises(Unreachable, match="anew"):
            await told.end()


async def test_no_websocket_is_let_through(swarm: SwarmUI) -> None:
    swarm.shut = True
    async with talking(swarm) as (client, told):
        client.handle(Submit(WORK))
        with pytest.raises(Misconfigured, match="AllowWebsocket"):
            await told.end()


async def test_over_plain_http(swarm: SwarmUI) -> None:
    swarm.answers["GenerateText2Image"] = {"images": [url(picture(), "png")]}
    async with talking(swarm, allow_websocket=False) as (client, told):
        client.handle(Submit(WORK))
        assert isinstance(await told.end(), Done) and len(told.of(Image)) == 1
        swarm.answers["GenerateText2Image"] = {"error": "Invalid steps", "limit": 3}
        told.reports.clear()
        client.handle(Submit(WORK))
        end = await told.end()
        assert isinstance(end, Failed) and end.reason == "Invalid steps." and end.extra == {"limit": 3}


async def test_memory(swarm: SwarmUI) -> None:
    async with talking(swarm, allow_forwarding=False) as (client, told):
        client.handle(Load("t1", WORK.model))
        loaded = await told.until(lambda report: isinstance(report, Loaded))
        assert isinstance(loaded, Loaded) and loaded.ticket == "t1" and loaded.models == ("a.safetensors",)
        assert swarm.asked("SelectModel")[0]["backendId"] == "0"
        client.handle(Free())
        await told.until(lambda report: report == Held(()))


async def test_the_end_of_a_life_stops_what_is_going_on(swarm: SwarmUI) -> None:
    swarm.script = [status(live_gens=1)]
    swarm.hang.clear()
    async with talking(swarm) as (client, told):
        client.handle(Submit(WORK))
        await told.until(lambda report: isinstance(report, Started))
    assert len(swarm.asked("InterruptAll")) == 1


@pytest.mark.parametrize("server_id", ["ourselves"])
async def test_itself_is_refused(swarm: SwarmUI, server_id: str) -> None:
    swarm.server_id = server_id
    with pytest.raises(Misconfigured, match="itself"):
        async with talking(swarm):
            pass


async def test_nobody_is_there(swarm: SwarmUI) -> None:
    swarm.port = 9
    with pytest.raises(Unreachable):
        async with talking(swarm):
            pass


async def test_who_takes_the_call_and_says_nothing_is_not_waited_for() -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    async with server:
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        settings = SwarmSettings(address=address, connection_attempt_timeout_seconds=1)
        client = SwarmClient(settings, Surroundings(1, lambda report: None, no_key))
        with pytest.raises(Unreachable, match="within the time"):
            async with asyncio.timeout(60):
                await client.run()


async def test_no_engine_works_there(swarm: SwarmUI) -> None:
    swarm.answers["ListBackends"] = {}
    with pytest.raises(Unreachable, match="no engine"):
        async with talking(swarm):
            pass
