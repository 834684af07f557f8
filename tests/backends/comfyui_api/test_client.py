"""The client on a server that behaves like the recorded ones: what it offers, draws and says."""

import io
import json
import zlib
from itertools import pairwise

import pytest
import pytest_asyncio
from PIL import Image as Pillow

from backends.contract import (
    Alive,
    Done,
    Failed,
    Free,
    Held,
    Image,
    Load,
    Loaded,
    LoadFailed,
    Loading,
    Misconfigured,
    ModelRef,
    Offers,
    Progress,
    Ready,
    Refresh,
    Started,
    Unreachable,
    Watch,
    Workflow,
)
from tests.backends.comfyui_api.bench import MODEL, Bench, Comfy, Settings, settled, talking
from tests.comfy.serving import serving


@pytest_asyncio.fixture
async def comfy():
    async with serving(Settings()) as one:
        yield one


def picture(data: bytes) -> Pillow.Image:
    opened = Pillow.open(io.BytesIO(data))
    opened.load()
    return opened


async def test_it_says_what_the_server_has_before_it_is_ready(comfy: Comfy) -> None:
    async with talking(comfy, OverQueue=3) as bench:
        assert [type(one) for one in bench.reports[:2]] == [Offers, Ready]
        ready = bench.of(Ready)[0]
        assert ready.slots == 4
        assert "comfyui" in ready.features
        assert "euler" in ready.samplers
        assert "karras" in ready.schedulers
        names = {(one.subtype, one.name) for one in bench.of(Offers)[0].models}
        assert ("Stable-Diffusion", "mini-sd15.safetensors") in names
        assert ("LoRA", "sub/nested.safetensors") in names
        assert ("Embedding", "testembed.safetensors") in names
        assert ("upscale_models", "mini-x4.safetensors") in names
        assert not any(name == "pixel_space" for _, name in names)  # a word of the loader's own, no file


async def test_a_picture_comes_through_all_its_reports_in_order(comfy: Comfy) -> None:
    async with talking(comfy) as bench:
        work = bench.submit(steps=3)
        await bench.ended(work)
        kinds = [type(one) for one in bench.reports if getattr(one, "id", None) == work]
        assert kinds == [Alive, Loading, Started, Progress, Progress, Progress, Image, Done]
        image = bench.of(Image)[0]
        assert picture(image.data).size == (64, 64)
        assert image.format == "PNG"
        assert bench.of(Loaded)[0].models == (MODEL.name,)
        steps = [(one.step, one.steps) for one in bench.of(Progress)]
        assert steps == [(1, 3), (2, 3), (3, 3)]


async def test_the_prompt_has_an_id_an_owner_and_a_preview_method(comfy: Comfy) -> None:
    async with talking(comfy, Previews="taesd") as bench:
        await bench.ended(bench.submit("a:0"), bench.submit("a:1", previews=False))
        first, second = comfy.memory.taken
        assert first[1] != second[1]
        for item in (first, second):
            assert item[3]["client_id"]
            assert item[1] == item[1].lower()
            assert len(item[1]) == 36
        assert first[3]["preview_method"] == "taesd"
        assert second[3]["preview_method"] == "none"
        assert all(one.preview is None for one in bench.of(Progress, "a:1"))
        assert any(one.preview for one in bench.of(Progress, "a:0"))


async def test_history_is_deleted_after_reading(comfy: Comfy) -> None:
    async with talking(comfy) as bench:
        work = bench.submit()
        await bench.ended(work)
        await settled(lambda: not comfy.memory.history)


@pytest.mark.parametrize(("format_", "kind"), [("JPG", "JPEG"), ("WEBP", "WEBP"), ("WEBP_LOSSLESS", "WEBP")])
async def test_pictures_come_in_the_wanted_format(comfy: Comfy, format_: str, kind: str) -> None:
    async with talking(comfy) as bench:
        await bench.ended(bench.submit(format=format_, quality=80))
        image = bench.of(Image)[0]
        assert image.format == format_
        assert picture(image.data).format == kind


async def test_without_the_socket_node_the_picture_is_fetched_and_carries_no_text() -> None:
    async with serving(Settings(without=("SaveImageWebsocket",))) as comfy, talking(comfy) as bench:
        await bench.ended(bench.submit("some job:0"))
        data = bench.of(Image)[0].data
        assert picture(data).info.get("prompt") is None
        assert b"tEXt" not in data
        assert b"iTXt" not in data
        assert ("GET", "/view") in comfy.requests
        graph = json.dumps(comfy.memory.taken[0][2])
        assert (
            '"filename_prefix": "hub/' in graph
        )  # a folder of its own: a flat one makes every prompt slower


async def test_nobody_watching_means_no_previews(comfy: Comfy) -> None:
    comfy.settings.step_seconds = 0.06
    async with talking(comfy) as bench:
        work = bench.submit(steps=6)
        await bench.until(lambda: any(one.preview for one in bench.of(Progress, work)))
        bench.send(Watch((work,), watched=False))
        seen = len(bench.reports)
        await bench.ended(work)
        assert not any(isinstance(one, Progress) and one.preview for one in bench.reports[seen:])


async def test_works_wait_in_the_servers_queue_and_all_come_out(comfy: Comfy) -> None:
    async with talking(comfy) as bench:
        works = [bench.submit(f"a:{number}", seed=number) for number in range(6)]
        await bench.ended(*works)
        assert sorted(one.id for one in bench.of(Done)) == works
        assert len({item[3]["client_id"] for item in comfy.memory.taken}) == 1
        assert len({zlib.crc32(one.data) for one in bench.of(Image)}) == 6


async def test_quick_previews_are_thinned(comfy: Comfy) -> None:
    comfy.settings.step_seconds = 0.005
    async with talking(comfy) as bench:
        await bench.ended(bench.submit(steps=60))
        steps = [one.step for one in bench.of(Progress)]
        assert all(earlier < later for earlier, later in pairwise(steps))
        assert sum(1 for one in bench.of(Progress) if one.preview) < 40


async def test_a_failing_node_is_told_without_the_servers_paths(comfy: Comfy) -> None:
    comfy.settings.failing["VAEDecode"] = ("RuntimeError", "no file '/srv/secret/x.bin'")
    async with talking(comfy) as bench:
        await bench.ended(bench.submit())
        failed = bench.of(Failed)[0]
        assert "VAEDecode" in failed.reason
        assert "RuntimeError" in failed.reason
        assert "/srv" not in failed.reason
        comfy.settings.failing.clear()
        work = bench.submit("next:0")
        await bench.ended(work)
        assert bench.of(Done, work)


async def test_a_model_the_server_no_longer_has_is_refused_and_its_lists_are_read_again(comfy: Comfy) -> None:
    async with talking(comfy) as bench:
        comfy.settings.models = {**comfy.settings.models, "checkpoints": ("other.safetensors",)}
        work = bench.submit()
        await bench.ended(work)
        failed = bench.of(Failed, work)[0]
        assert failed.retry
        assert "model" in failed.reason
        assert "other.safetensors" not in failed.reason
        await bench.until(lambda: any(one.name == "other.safetensors" for one in bench.of(Offers)[-1].models))


async def test_what_it_has_not_is_a_sentence(comfy: Comfy) -> None:
    async with talking(comfy) as bench:
        work = bench.submit(model=ModelRef("absent.safetensors", ""))
        await bench.ended(work)
        assert not bench.of(Failed, work)[0].retry
        assert not comfy.memory.taken


async def test_pictures_sent_along_lie_in_a_folder_of_the_works_own(comfy: Comfy) -> None:
    start = io.BytesIO()
    Pillow.new("RGB", (64, 64), (200, 30, 30)).save(start, "PNG")
    async with talking(comfy) as bench:
        work = bench.submit(init_image=start.getvalue(), strength=0.5)
        await bench.ended(work)
        assert bench.of(Done, work)
        assert ("POST", "/upload/image") in comfy.requests
        assert "hub/" in json.dumps(comfy.memory.taken[0][2])


async def test_letting_go_of_models_asks_the_server_to(comfy: Comfy) -> None:
    async with talking(comfy) as bench:
        bench.send(Free())
        await bench.until(lambda: bench.of(Held))
        assert comfy.memory.freed == [{"unload_models": True, "free_memory": True}]


async def test_a_model_cannot_be_loaded_by_itself_and_that_is_said(comfy: Comfy) -> None:
    async with talking(comfy) as bench:
        bench.send(Load("t", MODEL))
        assert bench.of(LoadFailed)[0].ticket == "t"
        assert not comfy.memory.taken


async def test_a_proxys_headers_go_with_requests_and_the_socket(comfy: Comfy) -> None:
    comfy.settings.auth = ("Authorization", "Bearer abc")
    bench = Bench(comfy.url)
    with pytest.raises(Misconfigured, match="ExtraHeaders"):
        await bench.client.run()
    async with talking(comfy, ExtraHeaders="X-Other: 1\nAuthorization: Bearer abc") as bench:
        work = bench.submit()
        await bench.ended(work)
        assert bench.of(Done, work)


async def test_nobody_there_is_unreachable_and_the_next_life_may_find_somebody(comfy: Comfy) -> None:
    bench = Bench(comfy.url)
    await comfy.kill()
    with pytest.raises(Unreachable):
        await bench.client.run()
    await comfy.start()
    await bench.begin()
    work = bench.submit()
    await bench.ended(work)
    assert bench.of(Done, work)
    await bench.end()


@pytest.mark.parametrize(
    "address", ["", "ftp://x", "http://", "http://h:port", "http://h/?q=1", "http://a b", "http://ä"]
)
async def test_an_address_that_is_none_is_a_setting_to_correct(address: str) -> None:
    with pytest.raises(Misconfigured, match="Address"):
        await Bench(address).client.run()


async def test_an_older_server_is_served_too() -> None:
    async with serving(Settings(version="0.8.0")) as comfy, talking(comfy) as bench:
        await bench.ended(bench.submit())
        assert bench.of(Done)


async def test_a_server_from_before_own_prompt_ids_is_to_be_updated() -> None:
    async with serving(Settings(version="0.3.10")) as comfy:
        with pytest.raises(Misconfigured, match=r"update it to 0\.3\.56"):
            await Bench(comfy.url).client.run()


async def test_ways_lead_to_the_server_while_it_answers(comfy: Comfy) -> None:
    bench = Bench(comfy.url, ExtraHeaders="A: b")
    assert bench.client.way() is None
    await bench.begin()
    way = bench.client.way()
    assert way is not None
    assert (way.address, dict(way.headers)) == (comfy.url, {"A": "b"})
    assert way.server.has("KSampler")
    await bench.end()
    assert bench.client.way() is None


async def test_a_workflow_of_the_users_own_is_drawn_whatever_its_size(comfy: Comfy) -> None:
    graph = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 96, "height": 32, "batch_size": 1, "color": 7}},
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    }
    async with talking(comfy) as bench:
        work = bench.submit(model=ModelRef("", ""), workflow=Workflow(json.dumps(graph)))
        await bench.ended(work)
        assert bench.of(Done, work), bench.of(Failed, work)
        assert picture(bench.of(Image)[0].data).size == (96, 32)
        assert not bench.of(Loaded)


async def test_asked_to_look_again_it_finds_new_models(comfy: Comfy) -> None:
    async with talking(comfy) as bench:
        comfy.settings.models = {**comfy.settings.models, "loras": ("new.safetensors",)}
        bench.send(Refresh())
        await bench.until(lambda: any(one.name == "new.safetensors" for one in bench.of(Offers)[-1].models))
