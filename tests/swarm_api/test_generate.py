"""GenerateText2ImageWS: every frame, their order, indices, several requests on one socket, refusals."""

import asyncio
import base64
import io
import json

import pytest
from PIL import Image

from hub.jobs import Jobs
from hub.jobs.events import Ended, Started
from tests.swarm_api.sketching import SETTINGS, Frame, Tenant, heard, kinds, talking, tenant

pytestmark = pytest.mark.asyncio(loop_scope="module")
HUB_SETTINGS = SETTINGS
hub = tenant


def counters(frame: Frame) -> tuple[int, ...]:
    return tuple(frame["status"].values())


class TestOneRequest:
    async def test_the_whole_conversation_in_order(self, hub: Tenant) -> None:
        async with talking(hub) as talk:
            await talk.ask(prompt="a red load", images=1)
            frames = await talk.rest()
            code = talk.socket.close_code
        assert code == 1000
        first = frames[0]
        assert set(first) == {"status", "backend_status", "supported_features"}
        assert counters(first) == (1, 0, 0, 0)
        assert "sketching" in first["supported_features"]
        seen = [counters(frame) for frame in frames if "status" in frame]
        assert seen == [
            (1, 0, 0, 0),
            (1, 0, 1, 0),  # waits for a backend
            (1, 1, 1, 0),  # its model loads
            (1, 0, 0, 0),  # has its backend
            (1, 0, 0, 1),  # is drawn
            (0, 0, 0, 0),
            (0, 0, 0, 0),
        ]
        order = kinds(frames)
        assert order[-6:] == [
            "image",
            "status",
            "keep_alive",
            "discard_indices",
            "socket_intention",
            "status",
        ]
        assert order.index("gen_progress") > 4 and talk.of("discard_indices") == [[]]
        assert frames[-2] == {"socket_intention": "close"}

    async def test_progress_and_image_agree(self, hub: Tenant) -> None:
        async with talking(hub) as talk:
            await talk.ask(prompt="a blue slow thing", steps=5)
            image = await talk.until("image")
        progress = talk.of("gen_progress")
        assert {(part["batch_index"], part["request_id"]) for part in progress} == {("0", "1001")}
        assert (image["batch_index"], image["request_id"]) == ("0", "1001")
        with_text = [part for part in progress if "metadata" in part]
        assert len(with_text) == 1 and "preview" not in with_text[0] and progress[0] is with_text[0]
        params = json.loads(with_text[0]["metadata"])["sui_image_params"]
        assert (
            params["is_preview"] is True
            and params["preview_notice"]
            and params["prompt"].startswith("a blue")
        )
        shown = [part for part in progress if "preview" in part]
        assert [part["step"] for part in shown] == [1, 2, 3, 4, 5]
        assert [part["current_percent"] for part in shown] == [0.2, 0.4, 0.6, 0.8, 1]
        head, _, body = shown[-1]["preview"].partition(",")
        assert head == "data:image/jpeg;base64"
        with Image.open(io.BytesIO(base64.b64decode(body))) as preview:
            assert preview.convert("RGB").getpixel((5, 5))[2] > 200  # type: ignore[index]

    async def test_the_image_is_on_disk_with_its_metadata(self, hub: Tenant) -> None:
        async with talking(hub) as talk:
            await talk.ask(prompt="a green thing", seed="77")
            image = await talk.until("image")
        assert image["image"].startswith(f"View/{hub.user}/raw/") and image["image"].endswith(".png")
        block = json.loads(image["metadata"])
        assert block["sui_image_params"]["seed"] == 77
        assert block["sui_extra_data"]["generation_time"] == "0.25 sec"
        assert block["sui_extra_data"]["unknown_words"] == ["blorb"]
        answer = await hub.http.get("/" + image["image"])
        with Image.open(io.BytesIO(answer.content)) as picture:
            assert picture.size == (64, 64) and picture.convert("RGB").getpixel((1, 1)) == (0, 128, 0)
            assert picture.info["parameters"] == image["metadata"]

    async def test_several_images_have_their_own_index_and_seed(self, hub: Tenant) -> None:
        async with talking(hub) as talk:
            await talk.ask(prompt="red", images=5, seed=10)
            await talk.until("socket_intention")
        images = [frame for frame in talk.frames if "image" in frame]
        assert sorted(frame["batch_index"] for frame in images) == ["0", "1", "2", "3", "4"]
        seeds = {
            frame["batch_index"]: json.loads(frame["metadata"])["sui_image_params"]["seed"]
            for frame in images
        }
        assert seeds == {str(index): 10 + index for index in range(5)}
        assert len({frame["image"] for frame in images}) == 5
        assert len(talk.of("keep_alive")) == 5 and talk.of("discard_indices") == [[]]
        assert counters(talk.frames[0])[0] == 5

    @pytest.mark.parametrize("kind", ["JPG", "WEBP", "WEBP_LOSSLESS"])
    async def test_other_formats(self, hub: Tenant, kind: str) -> None:
        async with talking(hub) as talk:
            await talk.ask(prompt="red", imageformat=kind)
            image = await talk.until("image")
        answer = await hub.http.get("/" + image["image"])
        assert answer.headers["content-type"] == ("image/jpeg" if kind == "JPG" else "image/webp")

    async def test_do_not_save_gives_a_data_url(self, hub: Tenant) -> None:
        async with talking(hub) as talk:
            await talk.ask(prompt="red", donotsave=True)
            image = await talk.until("image")
        head, _, body = image["image"].partition(",")
        assert head == "data:image/png;base64"
        with Image.open(io.BytesIO(base64.b64decode(body))) as picture:
            assert picture.info["parameters"] == image["metadata"]
        assert (await hub.call("ListImages", path="", depth=5))["files"] == []

    async def test_a_swarmui_in_front_is_told_the_parameters_used(self, hub: Tenant) -> None:
        async with talking(hub) as talk:
            await talk.ask(prompt="red", donotsave=True, forwardswarmdata=True, exactbackendid=0)
            await talk.until("image")
        used = talk.of("raw_swarm_data")
        assert len(used) == 1 and {"prompt", "seed", "model"} <= set(used[0]["params_used"])
        assert kinds(talk.frames)[-2:] == ["raw_swarm_data", "image"]


class TestSeveralRequestsOnOneSocket:
    async def test_they_run_at_once_and_indices_stay_unique(self, hub: Tenant) -> None:
        async with talking(hub) as talk:
            await talk.ask(prompt="red slow", images=2, steps=60)
            await talk.ask(prompt="blue", images=1)
            await talk.until(lambda _: len(talk.of("discard_indices")) == 2)
            images = [frame for frame in talk.frames if "image" in frame]
            assert images[0]["batch_index"] == "2"
            assert {(frame["request_id"], frame["batch_index"]) for frame in images} == {
                ("1001", "0"),
                ("1001", "1"),
                ("1002", "2"),
            }
            assert len(talk.of("socket_intention")) <= 1

    async def test_the_window_after_the_last_one_is_open_for_more(self, hub: Tenant) -> None:
        async with talking(hub) as talk:
            await talk.ask(prompt="red")
            await talk.until("socket_intention")
            await asyncio.sleep(0.5)
            await talk.ask(prompt="blue", session_id="whatever")
            image = await talk.until("image")
            assert image["batch_index"] == "1"
            await talk.rest()
            assert talk.socket.close_code == 1000 and len(talk.of("socket_intention")) == 2

    async def test_a_malformed_frame_is_answered_and_disturbs_nothing(self, hub: Tenant) -> None:
        async with talking(hub) as talk:
            await talk.ask(prompt="red slow", steps=10)
            await talk.until("gen_progress")
            for frame in ("{not json", "[1]", '{"images": "many", "prompt": "x"}', '{"prompt": "x"}'):
                await talk.socket.send(frame)
                error = await talk.until("error")
                assert error["error"] and error["field"]
            image = await talk.until("image")
            assert image["request_id"] == "1001"


class TestRefusals:
    async def test_before_anything_is_queued(self, hub: Tenant) -> None:
        for wrong, field in (
            ({"steps": 9999}, "steps"),
            ({"model": "no such model"}, "model"),
            ({"width": "wide"}, "width"),
            ({"cfgscale": "NaN"}, "cfgscale"),
            ({"initimage": "data:image/png;base64,!!!"}, "initimage"),
        ):
            async with talking(hub) as talk:
                await talk.ask(prompt="red", **wrong)
                error = await talk.until("error")
                assert error["field"] == field, error
                assert kinds(talk.frames) == ["error"]
                assert await talk.until("socket_intention")
        assert hub.room(Jobs).counts().idle and hub.room(Jobs).views(hub.user) == []

    async def test_no_images_key_is_an_error_and_a_close(self, hub: Tenant) -> None:
        frames = await hub.talk("GenerateText2ImageWS", prompt="x")
        assert frames == [{"error": "Missing required parameter 'images'", "field": "images"}]

    async def test_a_backend_nobody_has(self, hub: Tenant) -> None:
        async with talking(hub) as talk:
            await talk.ask(prompt="red", exactbackendid=7)
            error = await talk.until("error")
        assert error["field"] == "exactbackendid"

    async def test_an_engine_that_fails_tells_why(self, hub: Tenant) -> None:
        async with talking(hub) as talk:
            await talk.ask(prompt="fail", images=9)
            await talk.until("socket_intention")
        assert "The pencil broke." in talk.of("error") and talk.of("image") == []
        assert talk.of("discard_indices") == [[]]
        assert talk.of("status")[-1]["waiting_gens"] == 0

    async def test_an_engine_that_gives_nothing(self, hub: Tenant) -> None:
        async with talking(hub) as talk:
            await talk.ask(prompt="empty")
            error = await talk.until("error")
        assert error["error"].startswith("No images were generated")

    async def test_an_error_drops_the_rest_unless_asked_to_go_on(self, hub: Tenant) -> None:
        async with talking(hub) as talk:
            await talk.ask(prompt="fail", images=9, continueaftererrors=True)
            await talk.until("socket_intention")
        assert len(talk.of("error")) == 9


class TestWhoMayAsk:
    async def test_nobody_without_session_or_permission(self, hub: Tenant) -> None:
        assert (await hub.talk("GenerateText2ImageWS", session_id="F" * 40, images=1))[0][
            "error_id"
        ] == "invalid_session_id"
        guest = await hub.session_as("guest")
        frames = await hub.talk("GenerateText2ImageWS", session_id=guest, images=1, prompt="x")
        assert frames[0].get("error_id") in ("bad_permissions", None)


class TestTheHttpTwin:
    async def test_collects(self, hub: Tenant) -> None:
        answer = await hub.call("GenerateText2Image", images=2, prompt="red", model="doodle")
        assert len(answer["images"]) == 2 and all(
            url.startswith(f"View/{hub.user}/") for url in answer["images"]
        )

    async def test_the_first_error_replaces_everything(self, hub: Tenant) -> None:
        answer = await hub.call("GenerateText2Image", images=2, prompt="fail", model="doodle")
        assert answer == {"error": "The pencil broke."}

    async def test_data_urls(self, hub: Tenant) -> None:
        answer = await hub.call("generatetext2image", images=1, prompt="red", donotsave="true")
        assert answer["images"][0].startswith("data:image/png;base64,")

    async def test_a_refusal(self, hub: Tenant) -> None:
        answer = await hub.call("GenerateText2Image", images=1, prompt="x", width=3)
        assert answer["field"] == "width"

    async def test_the_job_goes_on_when_the_client_leaves(self, hub: Tenant) -> None:
        calling = asyncio.create_task(hub.call("GenerateText2Image", images=1, prompt="red slow", steps=20))
        await heard(hub, Started)
        calling.cancel()
        await heard(hub, Ended)
        assert len((await hub.call("ListImages", path="", depth=5))["files"]) == 1


class TestLeaving:
    async def test_closing_a_socket_never_cancels_work(self, hub: Tenant) -> None:
        async with talking(hub) as talk:
            await talk.ask(prompt="red slow", steps=20)
            await talk.until("gen_progress")
        await heard(hub, Ended)
        assert len((await hub.call("ListImages", path="", depth=5))["files"]) == 1


async def test_whether_previews_are_looked_at_may_change(hub: Tenant) -> None:
    def is_progress(frame: Frame) -> bool:
        return "gen_progress" in frame and "metadata" not in frame["gen_progress"]

    async with talking(hub) as talk:
        await talk.ask(prompt="red slow", steps=100, previews=False)
        frame = await talk.until(is_progress)
        assert "preview" not in frame["gen_progress"]
        await talk.socket.send('{"previews": true}')
        await talk.until(lambda frame: "preview" in frame.get("gen_progress", {}))
        await talk.socket.send('{"previews": false}')
        await talk.until(lambda frame: is_progress(frame) and "preview" not in frame["gen_progress"])
        await hub.call("InterruptAll")
        await talk.until("discard_indices")
        assert [error for error in talk.of("error") if "interrupted" not in error] == []
