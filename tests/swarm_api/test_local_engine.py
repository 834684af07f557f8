"""What the local engine can do, asked for with SwarmUI's names over HTTP, and drawn by the shipped model."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
import torch
from diffusers import UNet2DConditionModel
from PIL import Image
from safetensors.torch import save_file

from backends.diffusers_local.engine import ENGINE
from hub.settings import Settings
from tests.backends.diffusers_local.upscalers import write_upscaler
from tests.hub.chaining import refreshed
from tests.hub.running import RunningHub
from tests.swarm_api.addons import a_control, a_lora

pytestmark = pytest.mark.asyncio(loop_scope="module")
HUB_SETTINGS = {"engines.threads": "1"}
SMALL: dict[str, Any] = {
    "images": 1,
    "prompt": "a red circle on blue",
    "seed": 5,
    "steps": 4,
    "width": 128,
    "height": 128,
}
Pixels = np.ndarray[Any, np.dtype[np.int16]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hub(shared_hub: RunningHub) -> AsyncIterator[RunningHub]:
    """A hub with a LoRA, a ControlNet, an embedding and an add-on of another architecture."""
    (models,) = shared_hub.drawing.room(Settings).folders.models
    (starter,) = ENGINE.builtin_models
    unet = UNet2DConditionModel.from_pretrained(starter / "unet", torch_dtype=torch.float32)
    for folder in ("LoRA", "Embedding"):
        (models / folder).mkdir(parents=True, exist_ok=True)
    save_file(a_lora(unet), models / "LoRA" / "wild.safetensors")
    wide = {
        "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.lora_A.weight": torch.zeros(1, 2048)
    }
    save_file(wide, models / "LoRA" / "for xl.safetensors")
    width = int(unet.config["cross_attention_dim"])
    save_file({"emb_params": torch.randn(2, width)}, models / "Embedding" / "odd.safetensors")
    a_control(unet, models / "ControlNet" / "lines")
    (models / "upscale_models").mkdir(parents=True, exist_ok=True)
    write_upscaler(models / "upscale_models" / "x2.safetensors", "SPAN", 2)
    await refreshed(shared_hub)
    yield shared_hub


async def ask(hub: RunningHub, **params: Any) -> Any:
    return await hub.call("GenerateText2Image", **{**SMALL, **params})


async def draw(hub: RunningHub, **params: Any) -> tuple[Pixels, dict[str, Any]]:
    """A finished picture's pixels and what it says about itself."""
    answer = await ask(hub, **params)
    assert "images" in answer, answer
    file = await hub.http.get(f"/{answer['images'][0]}")
    with Image.open(BytesIO(file.content)) as image:
        return np.asarray(image.convert("RGB")).astype(np.int16), json.loads(image.info["parameters"])


async def changed(hub: RunningHub, **params: Any) -> int:
    """By how many levels a parameter changes some pixel of the plain picture."""
    plain, _ = await draw(hub)
    other, _ = await draw(hub, **params)
    return int(np.abs(plain - other).max())


def sent(picture: Image.Image) -> str:
    out = BytesIO()
    picture.save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


SAMPLER, SCHEDULER = next(
    (sampler, scheduler)
    for sampler, schedulers in ENGINE.pairs.items()
    for scheduler in ENGINE.schedulers
    if scheduler not in schedulers
)
"""The first two that do not go together."""
GREEN = sent(Image.new("RGB", (128, 128), "green"))
HALF = Image.new("L", (128, 128), 0)
HALF.paste(255, (64, 0, 128, 128))
LINES = Image.new("RGB", (128, 128), "black")
LINES.paste((255, 255, 255), (30, 30, 98, 98))


class TestLists:
    @pytest.mark.parametrize(
        ("subtype", "names"),
        [
            ("LoRA", ["for xl.safetensors", "wild.safetensors"]),
            ("ControlNet", ["lines"]),
            ("Embedding", ["odd.safetensors"]),
            ("VAE", []),
            ("upscale_models", ["x2.safetensors"]),
        ],
    )
    async def test_every_kind_of_add_on_is_listed(
        self, hub: RunningHub, subtype: str, names: list[str]
    ) -> None:
        answer = await hub.call("ListModels", path="", depth=3, subtype=subtype)
        assert [file["name"] for file in answer["files"]] == names
        for name in names:
            told = await hub.call("DescribeModel", modelName=name, subtype=subtype)
            assert told["model"]["name"] == name

    async def test_with_the_architecture_they_were_made_for(self, hub: RunningHub) -> None:
        models = (await hub.call("ListT2IParams"))["models"]
        assert models["LoRA"] == [
            ["for xl.safetensors", "stable-diffusion-xl-v1-base/lora"],
            ["wild.safetensors", None],
        ]


class TestLoras:
    async def test_one_changes_the_picture_and_stands_in_its_metadata(self, hub: RunningHub) -> None:
        plain, _ = await draw(hub)
        worn, told = await draw(hub, loras="wild", loraweights="0.8")
        assert np.abs(plain - worn).max() > 8
        assert told["sui_image_params"]["loras"] == ["wild"]
        assert told["sui_image_params"]["loraweights"] == ["0.8"]
        models = {model["param"]: model["name"] for model in told["sui_models"]}
        assert models == {"model": "starter", "loras": "wild.safetensors"}
        after, _ = await draw(hub)
        assert np.array_equal(plain, after)

    async def test_a_tag_in_the_prompt_is_the_same(self, hub: RunningHub) -> None:
        worn, _ = await draw(hub, loras="wild", loraweights="0.8", prompt="a red circle on blue ")
        tagged, told = await draw(hub, prompt="a red circle on blue <lora:wild:0.8>")
        assert np.array_equal(worn, tagged)
        assert told["sui_extra_data"]["prompted_loras"] == ["wild"]
        assert told["sui_extra_data"]["original_prompt"] == "a red circle on blue <lora:wild:0.8>"

    async def test_weight_nothing_changes_nothing(self, hub: RunningHub) -> None:
        assert await changed(hub, loras="wild", loraweights="0") == 0

    @pytest.mark.parametrize(
        ("params", "field", "words"),
        [
            ({"loras": "nobody"}, "loras", "are you sure that model name is correct?"),
            ({"loras": "for xl"}, "loras", "does not fit the model 'starter'"),
            ({"loras": "wild", "loraweights": "1,2"}, "loraweights", "2 weights were given for 1 LoRAs"),
        ],
    )
    async def test_refused_by_name(
        self, hub: RunningHub, params: dict[str, Any], field: str, words: str
    ) -> None:
        answer = await ask(hub, **params)
        assert answer["field"] == field and words in answer["error"]


class TestEmbeddings:
    async def test_one_changes_the_picture(self, hub: RunningHub) -> None:
        plain, _ = await draw(hub, prompt="a red circle on blue")
        told_by, told = await draw(hub, prompt="a red circle on blue <embed:odd>")
        assert np.abs(plain - told_by).max() > 0
        assert told["sui_extra_data"]["used_embeddings"] == ["odd"]


class TestMasks:
    async def test_only_the_masked_part_changes(self, hub: RunningHub) -> None:
        drawn, _ = await draw(hub, initimage=GREEN, maskimage=sent(HALF), initimagecreativity=1)
        assert (drawn[:, :64] == (0, 128, 0)).all()
        assert np.abs(drawn[:, 64:] - np.array((0, 128, 0))).max() > 40

    async def test_a_blurred_edge(self, hub: RunningHub) -> None:
        hard, _ = await draw(hub, initimage=GREEN, maskimage=sent(HALF), initimagecreativity=1)
        soft, _ = await draw(hub, initimage=GREEN, maskimage=sent(HALF), initimagecreativity=1, maskblur=8)
        assert not np.array_equal(hard, soft)
        assert (soft[:, :32] == (0, 128, 0)).all()

    async def test_borders_around_a_picture(self, hub: RunningHub) -> None:
        drawn, told = await draw(hub, initimage=GREEN, outpaintleft=64, initimagecreativity=1, width=192)
        assert drawn.shape == (128, 192, 3)
        assert (drawn[:, 160:] == (0, 128, 0)).all()
        assert told["sui_image_params"]["outpaintleft"] == 64

    async def test_refused_by_name(self, hub: RunningHub) -> None:
        answer = await ask(hub, maskimage=sent(HALF))
        assert answer["field"] == "maskimage" and "needs an Init Image" in answer["error"]


class TestSecondPass:
    async def test_the_result_is_larger(self, hub: RunningHub) -> None:
        drawn, told = await draw(hub, refinerupscale=1.5, refinercontrolpercentage=0.5)
        assert drawn.shape == (192, 192, 3)
        assert told["sui_image_params"]["refinerupscale"] == 1.5
        assert (told["sui_image_params"]["width"], told["sui_image_params"]["height"]) == (128, 128)

    async def test_enlarged_only(self, hub: RunningHub) -> None:
        plain, _ = await draw(hub)
        drawn, _ = await draw(hub, refinerupscale=2, refinercontrolpercentage=0)
        assert drawn.shape == (256, 256, 3)
        small = np.asarray(Image.fromarray(drawn.astype(np.uint8)).resize((128, 128), Image.Resampling.BOX))
        assert np.abs(small.astype(np.int16) - plain).mean() < 4

    @pytest.mark.parametrize("part", [0, 0.5])
    async def test_enlarged_by_a_network(self, hub: RunningHub, part: float) -> None:
        asked = {"refinerupscale": 1.5, "refinerupscalemethod": "model-x2", "refinercontrolpercentage": part}
        drawn, told = await draw(hub, **asked)
        assert drawn.shape == (192, 192, 3)
        assert told["sui_image_params"]["refinerupscalemethod"] == "model-x2.safetensors"

    @pytest.mark.parametrize("method", ["StepSwap", "StepSwapNoisy"])
    async def test_the_steps_are_shared_out(self, hub: RunningHub, method: str) -> None:
        drawn, told = await draw(hub, refinermethod=method, refinercontrolpercentage=0.5, refinercfgscale=2)
        assert drawn.shape == (128, 128, 3)
        assert told["sui_image_params"]["refinermethod"] == method

    async def test_large_pictures_in_tiles(self, hub: RunningHub) -> None:
        asked = {"refinerupscale": 8, "refinercontrolpercentage": 0.25, "refinerdotiling": True}
        drawn, _ = await draw(hub, **asked, vaetilesize=512)
        assert drawn.shape == (1024, 1024, 3)

    @pytest.mark.parametrize(
        ("params", "field"),
        [
            ({"refinerupscale": 8, "width": 2048, "height": 2048}, "refinerupscale"),
            ({"refinerupscale": 2, "refinerupscalemethod": "model-nothing"}, "refinerupscalemethod"),
            (
                {"refinercontrolpercentage": 0.5, "refinersampler": SAMPLER, "refinerscheduler": SCHEDULER},
                "refinerscheduler",
            ),
        ],
    )
    async def test_refused_by_name(self, hub: RunningHub, params: dict[str, Any], field: str) -> None:
        assert (await ask(hub, **params))["field"] == field


class TestControls:
    async def test_a_picture_is_followed(self, hub: RunningHub) -> None:
        plain, _ = await draw(hub)
        led, told = await draw(hub, controlnetmodel="lines", controlnetimageinput=sent(LINES))
        assert np.abs(plain - led).max() > 8
        assert told["sui_image_params"]["controlnetmodel"] == "lines"

    async def test_edges_of_a_picture(self, hub: RunningHub) -> None:
        followed = {"controlnetmodel": "lines", "controlnetimageinput": sent(LINES)}
        plain, _ = await draw(hub, **followed)
        edges, told = await draw(hub, **followed, controlnetpreprocessor="Canny")
        assert not np.array_equal(plain, edges)
        assert told["sui_image_params"]["controlnetpreprocessor"] == "Canny"

    async def test_needs_its_flag(self, hub: RunningHub) -> None:
        session = await hub.session_as("guest")
        answer = await ask(hub, controlnetmodel="lines", session_id=session)
        assert answer["permission"] == "basic_image_generation"


class TestOthers:
    async def test_tiles_fit_together(self, hub: RunningHub) -> None:
        assert await changed(hub, seamlesstileable="true") > 0

    async def test_a_picture_for_itself_is_the_same(self, hub: RunningHub) -> None:
        assert await changed(hub, deterministic=True) == 0

    async def test_samplers_and_schedulers_that_do_not_go_together(self, hub: RunningHub) -> None:
        answer = await ask(hub, sampler="euler_ancestral", scheduler="nothing")
        assert answer["field"] == "scheduler" and "karras" in answer["limit"]
        answer = await ask(hub, sampler=SAMPLER, scheduler=SCHEDULER)
        assert answer["field"] == "scheduler" and answer["limit"] == list(ENGINE.pairs[SAMPLER])
        assert f"'{SAMPLER}' does not go with the scheduler '{SCHEDULER}'; it goes with: " in answer["error"]

    async def test_nobody_without_a_session(self, hub: RunningHub) -> None:
        answer = await hub.post("/API/GenerateText2Image", {**SMALL, "loras": "wild"})
        assert answer.status_code == 400


async def test_what_the_metadata_says_draws_the_same_picture(hub: RunningHub) -> None:
    first, told = await draw(
        hub,
        prompt="a red circle <lora:wild:0.6> on blue <embed:odd>",
        negativeprompt="yellow",
        sampler="dpmpp_2m",
        scheduler="karras",
        refinerupscale=1.5,
        refinercontrolpercentage=0.4,
        refinersteps=6,
        clipstopatlayer=-2,
        variationseed=9,
        variationseedstrength=0.2,
        cfgscale=4,
    )
    again, told_again = await draw(hub, **told["sui_image_params"])
    assert np.array_equal(first, again)
    assert told_again["sui_image_params"] == told["sui_image_params"]


async def test_strangers_who_ask_for_everything_at_once_get_what_they_get_alone(hub: RunningHub) -> None:
    asked: list[dict[str, Any]] = [
        {},
        {"loras": "wild", "loraweights": "0.8"},
        {"prompt": "a green star <lora:wild:-0.5>", "steps": 6, "cfgscale": 1},
        {"initimage": GREEN, "maskimage": sent(HALF), "initimagecreativity": 0.8, "maskblur": 4},
        {"refinerupscale": 1.5, "refinercontrolpercentage": 0.5, "sampler": "euler"},
        {"controlnetmodel": "lines", "controlnetimageinput": sent(LINES), "sampler": "dpmpp_2m"},
        {"seamlesstileable": "true"},
        {"prompt": "two <embed:odd> stars", "sampler": "heun", "steps": 3},
        {"initimage": GREEN, "outpaintleft": 64, "width": 192, "initimagecreativity": 1},
        {"variationseed": 3, "variationseedstrength": 0.3, "steps": 8, "sampler": "euler_ancestral"},
    ]
    alone = [(await draw(hub, **params))[0] for params in asked]
    together = await asyncio.gather(*(draw(hub, **params) for params in asked))
    for one, (other, _) in zip(alone, together, strict=True):
        assert np.abs(one - other).max() <= 1


class TestPicturesOnTheWay:
    REFINED: dict[str, Any] = {  # noqa: RUF012
        "refinercontrolpercentage": 0.5,
        "refinerupscale": 2,
        "refinermethod": "PostApply",
    }

    @pytest.mark.parametrize("method", ["pixel-lanczos", "latent-bilinear"])
    async def test_the_first_pass_is_shown_and_kept_and_changes_nothing(
        self, hub: RunningHub, method: str
    ) -> None:
        asked = {**SMALL, **self.REFINED, "refinerupscalemethod": method}
        plain = [frame for frame in await hub.talk("GenerateText2ImageWS", **asked) if "image" in frame]
        frames = await hub.talk("GenerateText2ImageWS", **asked, outputintermediateimages=True)
        passed, final = (frame for frame in frames if "image" in frame)
        assert [passed["batch_index"], final["batch_index"]] == ["-11", "0"]
        assert passed["request_id"] == final["request_id"]
        shown = [passed, final, plain[0]]
        first, last, without = [(await hub.http.get(f"/{frame['image']}")).content for frame in shown]
        with Image.open(BytesIO(first)) as small, Image.open(BytesIO(last)) as large:
            assert (small.size, large.size) == ((128, 128), (256, 256))
            with Image.open(BytesIO(without)) as same:
                assert np.array_equal(np.asarray(large), np.asarray(same))
        assert json.loads(passed["metadata"])["sui_extra_data"]["intermediate"] == "true"
        assert "intermediate" not in json.loads(final["metadata"])["sui_extra_data"]

    async def test_it_is_only_shown_on_wish(self, hub: RunningHub) -> None:
        asked = {**SMALL, **self.REFINED, "outputintermediateimages": True, "donotsaveintermediates": True}
        frames = await hub.talk("GenerateText2ImageWS", **asked)
        passed, final = (frame for frame in frames if "image" in frame)
        assert passed["image"].startswith("data:image/png")
        assert final["image"].startswith("View/")

    async def test_one_pass_has_none(self, hub: RunningHub) -> None:
        frames = await hub.talk("GenerateText2ImageWS", **SMALL, outputintermediateimages=True)
        assert len([frame for frame in frames if "image" in frame]) == 1


class TestColourDepth:
    @pytest.mark.parametrize(
        "more", [{}, {"width": 200, "height": 136}, {"refinerupscale": 1.5, "refinercontrolpercentage": 0.5}]
    )
    async def test_sixteen_bits_of_the_same_picture(self, hub: RunningHub, more: dict[str, Any]) -> None:
        plain, _ = await draw(hub, **more)
        answer = await ask(hub, colordepth="16bit", **more)
        file = (await hub.http.get(f"/{answer['images'][0]}")).content
        assert file[24] == 16
        with Image.open(BytesIO(file)) as opened:
            assert json.loads(opened.info["parameters"])["sui_image_params"]["colordepth"] == "16bit"
            assert np.abs(np.asarray(opened.convert("RGB")).astype(np.int16) - plain).max() <= 2

    @pytest.mark.parametrize(
        ("more", "word"),
        [
            ({"imageformat": "JPG"}, "PNG"),
            ({"refinerupscale": 2, "refinercontrolpercentage": 0}, "enlarging"),
            ({"initimage": sent(Image.new("RGB", (128, 128))), "initimagecreativity": 0}, "8 bits"),
            (
                {
                    "initimage": sent(Image.new("RGB", (128, 128))),
                    "maskimage": sent(Image.new("RGB", (128, 128), "white")),
                },
                "mask",
            ),
        ],
    )
    async def test_never_eight_bits_in_disguise(
        self, hub: RunningHub, more: dict[str, Any], word: str
    ) -> None:
        answer = await ask(hub, colordepth="16bit", **more)
        assert "Color Depth" in answer["error"]
        assert word in answer["error"]


class TestLorasOfAPass:
    TWO = {"refinercontrolpercentage": 0.5}  # noqa: RUF012

    async def pictures(self, hub: RunningHub, prompt: str) -> tuple[Pixels, Pixels]:
        """The first pass's picture and the result."""
        asked = {**SMALL, **self.TWO, "prompt": prompt, "outputintermediateimages": True}
        frames = await hub.talk("GenerateText2ImageWS", **asked)
        passed, final = (frame["image"] for frame in frames if "image" in frame)
        both = []
        for url in (passed, final):
            with Image.open(BytesIO((await hub.http.get(f"/{url}")).content)) as image:
                both.append(np.asarray(image.convert("RGB")).astype(np.int16))
        return both[0], both[1]

    async def test_one_of_the_second_pass_leaves_the_first_alone(self, hub: RunningHub) -> None:
        plain = await self.pictures(hub, SMALL["prompt"])
        second = await self.pictures(hub, f"{SMALL['prompt']}<refiner><lora:wild>")
        assert np.array_equal(plain[0], second[0])
        assert not np.array_equal(plain[1], second[1])

    async def test_one_of_the_first_pass_leaves_the_second_to_the_model(self, hub: RunningHub) -> None:
        plain = await self.pictures(hub, SMALL["prompt"])
        first = await self.pictures(hub, f"{SMALL['prompt']}<base><lora:wild>")
        everywhere = await self.pictures(hub, f"<lora:wild>{SMALL['prompt']}")
        assert not np.array_equal(plain[0], first[0])
        assert np.array_equal(everywhere[0], first[0])
        assert not np.array_equal(everywhere[1], first[1])

    async def test_one_of_the_second_pass_acts_in_no_other(self, hub: RunningHub) -> None:
        plain, _ = await draw(hub)
        alone, told = await draw(hub, loras="wild", lorasectionconfinement="1")
        assert np.array_equal(plain, alone)
        assert told["sui_image_params"]["lorasectionconfinement"] == ["1"]
