"""Seamless tiling: a picture moved round its edges is the same picture, and nobody else notices."""

from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusionPipeline

from backends.diffusers_local.features.tiling import tiled, tiling_of
from tests.backends.diffusers_local.conftest import a_work, build_pipeline


@pytest.fixture(scope="module")
def pipeline() -> StableDiffusionPipeline:
    return build_pipeline()


def said(pipeline: StableDiffusionPipeline, sample: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        states = torch.linspace(-1, 1, 8 * 32).reshape(1, 8, 32)
        answer: torch.Tensor = pipeline.unet(sample, 500, encoder_hidden_states=states).sample
    return answer


@pytest.mark.parametrize(("axes", "along"), [("x", (3,)), ("y", (2,)), ("xy", (2, 3))])
def test_the_denoiser_does_not_see_the_edges(
    pipeline: StableDiffusionPipeline, axes: str, along: tuple[int, ...]
) -> None:
    sample = torch.randn((1, 4, 8, 8), generator=torch.Generator().manual_seed(1))
    moved = [2] * len(along)
    plain = said(pipeline, sample)
    with tiled([pipeline.unet], axes):
        one = said(pipeline, sample).roll(moved, along)
        other = said(pipeline, sample.roll(moved, along))
    assert torch.allclose(one, other, atol=1e-5)
    assert not torch.allclose(one, plain.roll(moved, along), atol=1e-3)
    assert torch.equal(said(pipeline, sample), plain)


def test_only_the_named_axis_wraps(pipeline: StableDiffusionPipeline) -> None:
    sample = torch.randn((1, 4, 8, 8), generator=torch.Generator().manual_seed(1))
    with tiled([pipeline.unet], "x"):
        one, other = said(pipeline, sample).roll(2, 2), said(pipeline, sample.roll(2, 2))
    assert not torch.allclose(one, other, atol=1e-3)


def test_the_decoder_does_not_see_the_edges(pipeline: StableDiffusionPipeline) -> None:
    latents = torch.randn((1, 4, 8, 8), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode(), tiled([pipeline.vae], "xy"):
        one = pipeline.vae.decode(latents).sample.roll((24, 16), (2, 3))
        other = pipeline.vae.decode(latents.roll((3, 2), (2, 3))).sample
    assert torch.allclose(one, other, atol=1e-5)


def test_an_error_inside_leaves_nothing_behind(pipeline: StableDiffusionPipeline) -> None:
    with pytest.raises(RuntimeError, match="inside"), tiled([pipeline.unet], "xy"):
        raise RuntimeError("inside")
    assert not any("_conv_forward" in vars(part) for part in pipeline.unet.modules())


@pytest.mark.parametrize(
    ("value", "axes"), [("false", ""), ("true", "xy"), (True, "xy"), ("X-Only", "x"), ("Y-Only", "y")]
)
def test_the_words_of_the_parameter(value: str | bool, axes: str) -> None:
    assert tiling_of(a_work(Path("m"), extra={"seamlesstileable": value}), {"unet": None}) == axes
    assert tiling_of(a_work(Path("m")), {}) == ""


def test_another_word_is_refused() -> None:
    with pytest.raises(ValueError, match="seamlesstileable is 'Z-Only'"):
        tiling_of(a_work(Path("m"), extra={"seamlesstileable": "Z-Only"}), {"unet": None})


def test_models_without_convolutions_are_refused() -> None:
    with pytest.raises(ValueError, match="'m' cannot draw seamless pictures"):
        tiling_of(a_work(Path("m"), extra={"seamlesstileable": "true"}), {"transformer": None})
