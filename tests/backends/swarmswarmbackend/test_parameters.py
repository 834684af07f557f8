"""A work as the parameters that ask for the same picture."""

import base64
from typing import Any

import pytest
from msgspec import structs

from backends.contract import Control, Lora, ModelRef, Region, SecondPass, Work, Workflow
from backends.swarmswarmbackend.parameters import TooMuch, Way, parameters_of

MODEL = ModelRef("sub/one.safetensors", "")
WORK = Work("job:0", "ann", "s", MODEL, "a cat")
WAY = Way("here")
PNG = b"\x89PNG\r\n\x1a\nand so on"


def asked(way: Way = WAY, /, **changes: Any) -> dict[str, Any]:
    return parameters_of(structs.replace(WORK, **changes), way)


def url(data: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def test_the_plain_ones() -> None:
    assert asked(seed=1 << 62, steps=0, cfg_scale=4.5, sampler="ddim", scheduler="karras") == {
        "images": 1,
        "donotsave": True,
        "forwardswarmdata": True,
        "hubchain": "here",
        "prompt": "a cat",
        "negativeprompt": "",
        "model": "sub/one.safetensors",
        "width": 512,
        "height": 512,
        "steps": 0,
        "cfgscale": 4.5,
        "sampler": "ddim",
        "scheduler": "karras",
        "seed": 1 << 62,
        "imageformat": "PNG",
    }


def test_names_of_nobody_are_sent() -> None:
    assert "ann" not in str(asked(user="ann", session="secret")) and "secret" not in str(asked())


@pytest.mark.parametrize(
    ("wanted", "sent"), [("PNG", "PNG"), ("JPG", "PNG"), ("WEBP", "PNG"), ("WEBP_LOSSLESS", "WEBP_LOSSLESS")]
)
def test_only_formats_that_lose_nothing_are_asked_for(wanted: str, sent: str) -> None:
    assert asked(format=wanted, quality=40)["imageformat"] == sent
    assert asked(format=wanted, extra={"colordepth": "16bit"})["imageformat"] == wanted


def test_a_start_and_its_mask() -> None:
    sent = asked(init_image=PNG, mask=b"\xff\xd8\xff0", strength=0.25, extra={"maskblur": 3})
    assert (sent["initimage"], sent["initimagecreativity"]) == (url(PNG), 0.25)
    assert (sent["maskimage"], sent["maskblur"]) == (url(b"\xff\xd8\xff0", "jpeg"), 3)


def test_borders_and_whatever_else_only_engines_know() -> None:
    extra = {"outpaintleft": 64, "seamlesstileable": "true", "clipstopatlayer": -2, "zeronegative": True}
    sent = asked(extra=extra)
    assert {key: sent[key] for key in extra} == extra


def test_variation() -> None:
    assert "variationseed" not in asked()
    sent = asked(variation_seed=9, variation_strength=0.5)
    assert (sent["variationseed"], sent["variationseedstrength"]) == (9, 0.5)


def test_loras_with_both_weights() -> None:
    one, two = ModelRef("a.safetensors", ""), ModelRef("b, c.safetensors", "")
    sent = asked(loras=(Lora(one, 0.3, 0.3), Lora(two, 1.0, -0.125)))
    assert sent["loras"] == ["a.safetensors", "b, c.safetensors"]
    assert list(map(float, sent["loraweights"])) == [0.3, 1.0]
    assert list(map(float, sent["loratencweights"])) == [0.3, -0.125]
    assert "loratencweights" not in asked(loras=(Lora(one, 0.1, 0.1),))


def test_loras_of_one_pass() -> None:
    assert "lorasectionconfinement" not in asked(loras=(Lora(MODEL),))
    sent = asked(loras=(Lora(MODEL), Lora(MODEL, only="refiner"), Lora(MODEL, 12.0, 12.0, only="base")))
    assert sent["lorasectionconfinement"] == ["0", "1", "5", "5"]
    assert asked(Way("", kin=True), loras=(Lora(MODEL),))["lorasectionconfinement"] == ["0"]


def test_a_graph_of_the_users_own() -> None:
    sent = asked(workflow=Workflow('{"1":{}}', {"mystrength": 0.5}, {"mypicture": PNG}))
    assert (sent["comfyworkflowraw"], sent["mystrength"], sent["mypicture"]) == ('{"1":{}}', 0.5, url(PNG))


def test_a_graphs_own_defaults_stand_there_too_where_nothing_was_asked() -> None:
    graph = (
        '{"1": {"a": ${steps:17}, "b": "${cfg_scale}", "c": "${comfyui_sampler:heun}", "d": "${width:64}"}}'
    )
    left = ("steps", "cfgscale", "sampler", "comfysampler", "comfyuisampler", "width", "height")
    sent = asked(workflow=Workflow(graph, unasked=left))
    assert not {"steps", "sampler"} & sent.keys()
    assert {"cfgscale", "scheduler", "width", "height"} <= sent.keys(), "no default, asked, half a size"
    both = asked(workflow=Workflow(graph + "${height:32}", unasked=left))
    assert not {"width", "height"} & both.keys()


def test_a_weight_beyond_the_range_is_laid_in_parts() -> None:
    sent = asked(loras=(Lora(MODEL, -25.0, 1.0),))
    weights = list(map(float, sent["loraweights"]))
    assert len(sent["loras"]) == 3 and sum(weights) == pytest.approx(-25.0) and min(weights) >= -10
    assert sum(map(float, sent["loratencweights"])) == pytest.approx(1.0)


def test_controls_in_their_order() -> None:
    first = Control(ModelRef("lines", ""), PNG, 0.5, 0.1, 0.9)
    sent = asked(controls=(first, Control(ModelRef("depth", ""))), extra={"controlnettwouniontype": "depth"})
    assert (sent["controlnetmodel"], sent["controlnetimageinput"]) == ("lines", url(PNG))
    assert (sent["controlnetstrength"], sent["controlnetstart"], sent["controlnetend"]) == (0.5, 0.1, 0.9)
    assert sent["controlnettwomodel"] == "depth" and "controlnettwoimageinput" not in sent
    assert sent["controlnettwouniontype"] == "depth"
    with pytest.raises(TooMuch):
        asked(controls=(first,) * 4)


def test_a_second_pass() -> None:
    assert not [key for key in asked() if key.startswith("refiner")]
    second = SecondPass(
        0.4, "StepSwap", ModelRef("fine", ""), ModelRef("vae", ""), 2.0, steps=7, cfg_scale=2.5
    )
    sent = asked(second=second)
    assert {key: value for key, value in sent.items() if key.startswith("refiner")} == {
        "refinercontrolpercentage": 0.4,
        "refinermethod": "StepSwap",
        "refinerupscale": 2.0,
        "refinerupscalemethod": "pixel-lanczos",
        "refinermodel": "fine",
        "refinervae": "vae",
        "refinersteps": 7,
        "refinercfgscale": 2.5,
    }
    by_model = SecondPass(0.0, upscale=4.0, upscale_method="model", upscaler=ModelRef("x4.safetensors", ""))
    assert asked(second=by_model)["refinerupscalemethod"] == "model-x4.safetensors"


def test_prompts_of_both_passes_are_one_text() -> None:
    sent = asked(
        prompt="a cat", negative_prompt="", extra={"refinerprompt": "fur", "refinernegativeprompt": "x"}
    )
    assert sent["prompt"] == "<base>a cat<refiner>fur" and sent["negativeprompt"] == "<base><refiner>x"
    assert "refinerprompt" not in sent


def test_regions_are_tags_again() -> None:
    eyes = Lora(ModelRef("eyes.safetensors", ""), 12.0, 1.0)
    regions = (
        Region("region", "a dog", 0.0, 0.25, 0.5, 0.75, 0.8),
        Region("object", "a hat", 0.1, 0.1, 0.2, 0.2, 0.5, 0.3),
        Region("segment", "blue eyes", what="face", strength=0.5, creativity=0.6, loras=(eyes,)),
        Region("background", "sky"),
        Region("clear", "", what="grass", strength=0.5, creativity=0.6, negative=True),
    )
    sent = asked(prompt="all", regions=regions)
    assert sent["prompt"] == (
        "all <region:0.0,0.25,0.5,0.75,0.8>a dog <object:0.1,0.1,0.2,0.2,0.5,0.3>a hat "
        "<segment:face,0.6,0.5><lora:eyes.safetensors:6.0:0.5><lora:eyes.safetensors:6.0:0.5>blue eyes "
        "<region:background>sky"
    )
    assert sent["negativeprompt"] == " <clear:grass,0.6,0.5>"


def test_the_other_hubs_names_of_models() -> None:
    way = Way("here", spelled={"a/b.safetensors": "a\\b.safetensors"})
    named = ModelRef("a/b.safetensors", "")
    sent = asked(way, model=named, vae=named, embeddings=(named,), prompt="<embed:a/b.safetensors> x")
    assert sent["model"] == sent["vae"] == "a\\b.safetensors"
    assert sent["prompt"] == "<embed:a\\b.safetensors> x"


def test_the_way_there() -> None:
    assert "exactbackendid" not in asked()
    sent = asked(Way("first,here", "3"), extra={"hubchain": "first"})
    assert sent["exactbackendid"] == "3" and sent["hubchain"] == "first,here"


def test_whether_somebody_looks() -> None:
    assert "nopreviews" not in asked() and "previews" not in asked(Way("", kin=True))
    assert asked(previews=False)["nopreviews"] is True
    sent = asked(Way("", kin=True), previews=False)
    assert sent["previews"] is False and "nopreviews" not in sent


def test_alone_to_the_last_bit() -> None:
    assert asked(deterministic=True)["deterministic"] is True
