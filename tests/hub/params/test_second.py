"""The refiner's parameters: when there is a second pass, what it is, how large the result may be."""

from typing import Any

import pytest

from backends.contract import SecondPass
from hub.errors import BadInput
from hub.params import GenRequest, result_size
from tests.hub.params.conftest import Parse


def second(request: GenRequest) -> SecondPass:
    assert request.second is not None
    return request.second


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"refinercontrolpercentage": 0},
        {"refinercontrolpercentage": 0, "refinermethod": "PostApply", "refinerupscale": 1},
        {"refinermodel": "(Use Base)", "refinervae": "None", "refinerupscale": "1"},
    ],
)
def test_nothing_to_do_is_no_second_pass(ask: Parse, given: dict[str, Any]) -> None:
    request = ask(given)
    assert request.second is None and request.asked_by == {}


def test_what_is_left_out_is_the_first_pass_s(ask: Parse) -> None:
    request = ask(refinerupscale=2)
    assert request.second == SecondPass(part=0.2, upscale=2.0)
    assert request.asked_by == {"refiners": "Refiner Upscale"}


def test_everything_said(ask: Parse) -> None:
    request = ask(
        refinercontrolpercentage=0.4,
        refinermethod="stepswap",
        refinermodel="sdxl/base",
        refinervae="soft",
        refinerupscale=1.5,
        refinerupscalemethod="latent-bicubic",
        refinersteps=30,
        refinercfgscale=4,
        refinersampler="dpmpp_2m",
        refinerscheduler="karras",
        refinerdotiling=True,
    )
    found = second(request)
    assert found.model is not None and found.model.name == "sdxl/base.safetensors"
    assert found.vae is not None and found.vae.name == "soft.safetensors"
    assert (found.part, found.method, found.upscale, found.upscale_method) == (
        0.4,
        "StepSwap",
        1.5,
        "latent-bicubic",
    )
    assert (found.steps, found.cfg_scale, found.sampler, found.scheduler) == (30, 4.0, "dpmpp_2m", "karras")
    assert request.engine_extra == {"refinerdotiling": True}
    assert request.given["refinermodel"] == "sdxl/base"


def test_an_upscaling_model_by_its_loose_name(ask: Parse) -> None:
    request = ask(refinerupscale=2, refinerupscalemethod="model-4x sharp")
    found = second(request)
    assert found.upscale_method == "model" and found.upscaler is not None
    assert found.upscaler.name == "4x sharp.safetensors"
    assert set(request.asked_by) == {"refiners", "upscalers"}
    assert ("4x sharp.safetensors", "refinerupscalemethod") in [
        (m.name, m.param) for m in request.other_models
    ]
    again = ask(dict(request.given))
    assert again.second == request.second


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"refinerupscalemethod": "model-nobody"}, "refinerupscalemethod"),
        ({"refinerupscalemethod": "latent-magic"}, "refinerupscalemethod"),
        ({"refinerupscale": 9}, "refinerupscale"),
        ({"refinercontrolpercentage": 1.5}, "refinercontrolpercentage"),
        ({"refinersteps": 0}, "refinersteps"),
        ({"refinermodel": "nobody"}, "refinermodel"),
        ({"refinermethod": "other"}, "refinermethod"),
        ({"width": 4096, "height": 4096, "refinerupscale": 4}, "refinerupscale"),
    ],
)
def test_refused_by_name(ask: Parse, given: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as refused:
        ask(given)
    assert refused.value.extra["field"] == field


def test_a_result_that_is_too_large_names_both_sizes(ask: Parse) -> None:
    with pytest.raises(
        BadInput, match="4096x4096 enlarged 4 times is 16384x16384, more than the 64 megapixels"
    ):
        ask(width=4096, height=4096, refinerupscale=4)


def test_the_size_of_the_result(ask: Parse) -> None:
    assert result_size(300, 200, SecondPass(upscale=1.25)) == (375, 250)
    assert result_size(300, 200, SecondPass()) == result_size(300, 200, None) == (300, 200)
