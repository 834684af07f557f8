"""Pictures drawn by a ComfyUI server, from the socket of the API to the nodes and back.

The server is the played one of tests/comfy, which refuses every graph the real one would refuse.
"""

import asyncio
import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.comfy.refusals import faults
from tests.comfy.server import Settings
from tests.comfy.serving import Comfy
from tests.hub.running import RunningHub, running
from tests.swarm_api.comfying import asked, connected, serves, settings, until
from tests.swarm_api.sketching import Frame, Talker, talking


async def drawn(talk: Talker, **params: Any) -> Frame:
    """The first picture of a request."""
    await asked(talk, **params)
    frame = await talk.until(lambda told: "image" in told or "error" in told)
    assert "image" in frame, frame
    return frame


async def picture(hub: RunningHub, frame: Frame) -> Image.Image:
    """The picture itself, fetched where the frame says."""
    answer = await hub.http.get("/" + frame["image"])
    return Image.open(io.BytesIO(answer.content)).convert("RGB")


def graph(comfy: Comfy, at: int = -1) -> dict[str, Any]:
    """A graph the server was given, that it and a closer look find nothing wrong with."""
    found = comfy.memory.taken[at][2]
    assert faults(found, comfy.memory.told()) == []
    return found


def nodes(given: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """The inputs of the nodes of a class."""
    return [body["inputs"] for body in given.values() if body["class_type"] == kind]


def uploaded(colour: tuple[int, int, int], size: tuple[int, int] = (64, 64)) -> str:
    """A plain picture as the API takes it."""
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


class TestWhatItHas:
    async def test_its_models_are_listed_with_the_engine_that_holds_them(self, tmp_path: Path) -> None:
        async with connected(tmp_path) as (hub, _):
            listed = (await hub.call("ListModels", path="", depth=5))["files"]
            theirs = [model for model in listed if not model["local"]]
            assert [model["name"] for model in theirs] == ["mini-sd15.safetensors", "random-sd15.safetensors"]
            assert all(model["engines"] == [0] for model in theirs)
            loras = (await hub.call("ListModels", path="", depth=5, subtype="LoRA"))["files"]
            assert "sub/nested.safetensors" in [model["name"] for model in loras]

    async def test_its_samplers_can_be_asked_for(self, tmp_path: Path) -> None:
        async with connected(tmp_path) as (hub, _):
            params = (await hub.call("ListT2IParams"))["list"]
            sampler = next(param for param in params if param["id"] == "sampler")
            assert "gradient_estimation_cfg_pp" in sampler["values"]

    async def test_what_is_added_there_appears_after_a_refresh(self, tmp_path: Path) -> None:
        async with connected(tmp_path) as (hub, comfy), talking(hub) as talk:
            comfy.settings.models = {**comfy.settings.models, "checkpoints": ("new.safetensors",)}
            await hub.call("TriggerRefresh", strong=True)
            theirs: list[str] = []
            async with asyncio.timeout(60):
                while theirs != ["new.safetensors"]:
                    listed = (await hub.call("ListModels", path="", depth=5))["files"]
                    theirs = [model["name"] for model in listed if not model["local"]]
                    await asyncio.sleep(0.02)
            await drawn(talk, model="new")


class TestDrawing:
    async def test_previews_then_the_picture_and_nothing_left_behind(self, tmp_path: Path) -> None:
        async with connected(tmp_path, Settings(step_seconds=0.05)) as (hub, comfy), talking(hub) as talk:
            frame = await drawn(talk, width=128)
            shown = [part for part in talk.of("gen_progress") if "preview" in part]
            # Of previews a busy socket gets the newest only.
            told = [part["current_percent"] for part in shown]
            assert len(told) > 1 and told == sorted(told) and set(told) <= {0.25, 0.5, 0.75, 1}
            assert (await picture(hub, frame)).size == (128, 64)
            await until(lambda: comfy.memory.history == {})
            assert nodes(graph(comfy), "KSampler")[0]["steps"] == 4
            assert comfy.memory.taken[0][3]["preview_method"] != "none"
            assert len(comfy.memory.sockets) == 1

    async def test_the_same_request_gives_the_same_picture_and_another_seed_does_not(
        self, tmp_path: Path
    ) -> None:
        async with connected(tmp_path) as (hub, _), talking(hub) as talk:
            first = await picture(hub, await drawn(talk))
            again = await picture(hub, await drawn(talk))
            other = await picture(hub, await drawn(talk, seed=2))
            assert first.tobytes() == again.tobytes() != other.tobytes()

    async def test_a_large_picture_of_noise_comes_whole(self, tmp_path: Path) -> None:
        async with connected(tmp_path, Settings(grain=True)) as (hub, _), talking(hub) as talk:
            frame = await drawn(talk, width=1024, height=1024, steps=1)
            assert (await picture(hub, frame)).size == (1024, 1024)

    async def test_many_pictures_of_one_request_each_with_its_seed(self, tmp_path: Path) -> None:
        async with connected(tmp_path) as (hub, comfy), talking(hub) as talk:
            await asked(talk, images=5)
            await talk.until("socket_intention")
            assert sorted(frame["batch_index"] for frame in talk.frames if "image" in frame) == list("01234")
            seeds = [nodes(graph(comfy, at), "KSampler")[0]["seed"] for at in range(5)]
            assert sorted(seeds) == [1, 2, 3, 4, 5]

    async def test_a_start_picture_is_handed_over_and_stays_in_part(self, tmp_path: Path) -> None:
        async with connected(tmp_path) as (hub, comfy), talking(hub) as talk:
            start = uploaded((0, 0, 250))
            little = await picture(
                hub, await drawn(talk, initimage=start, initimagecreativity=0.1, steps=10, prompt="red")
            )
            red, _, blue = little.getpixel((5, 5))  # type: ignore[misc]
            assert blue > 200 > red
            files = [(folder, subfolder) for folder, subfolder, _ in comfy.memory.files if folder == "input"]
            assert len(files) == 1
            assert files[0][1].startswith("hub/")
            assert nodes(graph(comfy), "LoadImage")

    async def test_a_masked_start_picture_keeps_what_is_not_masked(self, tmp_path: Path) -> None:
        async with connected(tmp_path) as (hub, comfy), talking(hub) as talk:
            mask = Image.new("L", (64, 64))
            mask.paste(255, (32, 0, 64, 64))
            out = io.BytesIO()
            mask.save(out, "PNG")
            text = "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()
            shown = await picture(
                hub,
                await drawn(talk, initimage=uploaded((0, 0, 250)), maskimage=text, initimagecreativity=1.0),
            )
            assert shown.getpixel((4, 32)) == (0, 0, 250)
            assert shown.getpixel((60, 32)) != (0, 0, 250)
            graph(comfy)

    async def test_a_lora_of_the_servers_is_named_as_the_server_names_it(self, tmp_path: Path) -> None:
        async with connected(tmp_path) as (hub, comfy), talking(hub) as talk:
            plain = await picture(hub, await drawn(talk))
            await drawn(talk, loras="sub/nested", loraweights="0.5")
            first = nodes(graph(comfy), "LoraLoader")
            frame = await drawn(talk, prompt="a red cat <lora:style-a:0.5>")
            second = nodes(graph(comfy), "LoraLoader")
            assert [(one["lora_name"], one["strength_model"]) for one in (*first, *second)] == [
                ("sub/nested.safetensors", 0.5),
                ("style-a.safetensors", 0.5),
            ]
            assert (await picture(hub, frame)).tobytes() != plain.tobytes()

    async def test_a_lora_behind_an_object_acts_on_that_alone(self, tmp_path: Path) -> None:
        prompt = "a red cat <object:0,0,0.5,0.5>a dog <lora:style-a:0.5>"
        async with connected(tmp_path) as (hub, comfy), talking(hub) as talk:
            frame = await drawn(talk, prompt=prompt)
            drawing = graph(comfy)
            (worn,) = nodes(drawing, "LoraLoader")
            assert (worn["lora_name"], worn["strength_model"]) == ("style-a.safetensors", 0.5)
            drawers = [node["model"] for node in nodes(drawing, "KSampler")]
            assert len(drawers) == len({str(model) for model in drawers}) == 2, "the first wears none"
            told = json.loads(frame["metadata"])
            assert told["sui_extra_data"]["prompted_loras"] == ["style-a"]
            assert "<lora:style-a.safetensors:0.5" in told["sui_image_params"]["prompt"]

    @pytest.mark.parametrize("version", ["0.3.56", "0.8.0", "0.24.0", "0.33.0"])
    async def test_servers_of_every_age(self, tmp_path: Path, version: str) -> None:
        async with connected(tmp_path, Settings(version=version)) as (hub, comfy), talking(hub) as talk:
            await drawn(talk)
            graph(comfy)

    async def test_without_the_node_for_sockets_the_picture_is_a_file_in_a_folder_of_the_hubs(
        self, tmp_path: Path
    ) -> None:
        played = Settings(without=("SaveImageWebsocket",))
        async with connected(tmp_path, played) as (hub, comfy), talking(hub) as talk:
            assert (await picture(hub, await drawn(talk))).size == (64, 64)
            saved = [subfolder for folder, subfolder, _ in comfy.memory.files if folder == "output"]
            assert len(saved) == 1
            assert saved[0].startswith("hub/")

    async def test_a_proxy_before_it_gets_its_headers(self, tmp_path: Path) -> None:
        played = Settings(auth=("Authorization", "Bearer-x"))
        comfy = Comfy(played)
        await comfy.start()
        lines = settings(comfy)
        lines["engines.types"] += " ExtraHeaders=Authorization:Bearer-x"
        try:
            async with running(tmp_path, lines) as hub, talking(hub) as talk:
                await serves(hub)
                await drawn(talk)
                told = json.dumps(await hub.call("ListBackends"))
                assert "Bearer-x" not in told
        finally:
            await comfy.kill()


class TestWhatGoesWrongThere:
    @pytest.mark.parametrize(
        ("node", "kind", "message", "words"),
        [
            ("VAEDecode", "RuntimeError", 'in /comfyui/comfy/sd.py", line 5: bad shape', "RuntimeError"),
            ("KSampler", "torch.OutOfMemoryError", "Allocation on device", "ran out of memory"),
            ("CheckpointLoaderSimple", "KeyError", "'/comfyui/models/x'", "CheckpointLoaderSimple"),
        ],
    )
    async def test_an_error_there_is_told_in_words(
        self, tmp_path: Path, node: str, kind: str, message: str, words: str
    ) -> None:
        async with connected(tmp_path) as (hub, comfy), talking(hub) as talk:
            comfy.settings.failing[node] = (kind, message)
            await asked(talk)
            error = (await talk.until("error"))["error"]
            assert words in error
            assert not any(foreign in error for foreign in ("Traceback", "/comfyui", ".py", "line 5"))
            comfy.settings.failing.clear()
            await drawn(talk)

    async def test_a_model_that_went_away_there_is_told_in_words(self, tmp_path: Path) -> None:
        async with connected(tmp_path) as (hub, comfy), talking(hub) as talk:
            comfy.settings.models = {**comfy.settings.models, "checkpoints": ("other.safetensors",)}
            await asked(talk)
            error = (await talk.until("error"))["error"]
            assert "mini-sd15" in error or "model" in error
            assert "other.safetensors" not in error and "[" not in error

    async def test_a_server_that_answers_nonsense_is_told_in_words(self, tmp_path: Path) -> None:
        async with connected(tmp_path) as (hub, comfy), talking(hub) as talk:
            comfy.settings.broken["/prompt"] = 500
            await asked(talk)
            error = (await talk.until("error"))["error"]
            assert "500" in error and "Traceback" not in error
            comfy.settings.broken.clear()
            await drawn(talk)

    async def test_nobody_there_is_told_where_engines_are_listed(self, tmp_path: Path) -> None:
        comfy = Comfy()
        await comfy.start()
        await comfy.kill()
        async with running(tmp_path, settings(comfy)) as hub:
            async with asyncio.timeout(60):
                while True:
                    told = (await hub.call("ListBackends"))["0"]
                    if told["reason"]:
                        break
                    await asyncio.sleep(0.05)
            assert told["status"] in ("waiting", "errored")
            assert "Traceback" not in told["reason"] and "Errno" not in told["reason"]
            await comfy.start()
            try:
                await serves(hub)
                async with talking(hub) as talk:
                    await drawn(talk)
            finally:
                await comfy.kill()
