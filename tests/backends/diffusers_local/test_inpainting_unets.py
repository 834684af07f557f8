"""UNets made for redrawing (nine channels): shown the mask and what lies around it, as the stock pipelines
do, to the last bit.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    StableDiffusionInpaintPipeline,
    StableDiffusionXLInpaintPipeline,
    UNet2DConditionModel,
)
from PIL import Image as Picture

from backends.contract import Work
from backends.diffusers_local import steps
from backends.diffusers_local.features.masking import takes_mask
from backends.diffusers_local.loading.gather import Kit
from backends.diffusers_local.loading.model import Model, load_model
from backends.diffusers_local.loading.weights import ModelTrouble
from backends.diffusers_local.loop.batching import BatchSize
from backends.diffusers_local.pictures.pictures import encode
from backends.diffusers_local.prepare import prepare
from backends.diffusers_local.row import Row
from tests.backends.diffusers_local.conftest import Studio, a_work, build_pipeline, ref_of, scheduler_of
from tests.backends.diffusers_local.xl import build_xl

PIPELINES = {"sd": StableDiffusionInpaintPipeline, "xl": StableDiffusionXLInpaintPipeline}
PAIRS = [("euler", "normal"), ("euler_ancestral", "normal"), ("dpmpp_2m", "karras"), ("heun", "normal")]


def with_channels(pipeline: Any, channels: int) -> Any:
    """The same pipeline with a UNet of so many input channels."""
    torch.manual_seed(2)
    config = dict(pipeline.unet.config) | {"in_channels": channels}
    pipeline.unet = UNet2DConditionModel.from_config(config).eval()
    return pipeline


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    home = tmp_path_factory.mktemp("inpainting")
    with_channels(build_pipeline(), 9).save_pretrained(home / "sd")
    with_channels(build_xl(), 9).save_pretrained(home / "xl")
    return {"sd": home / "sd", "xl": home / "xl"}


@pytest.fixture(scope="module")
def models(folders: dict[str, Path]) -> dict[str, Model]:
    return {
        kind: load_model(ref_of(path), torch.device("cpu"), torch.float32) for kind, path in folders.items()
    }


def noise_picture(size: int = 64) -> Picture.Image:
    return Picture.fromarray(np.random.default_rng(1).integers(0, 255, (size, size, 3), dtype=np.uint8))


def a_mask(size: int = 64) -> Picture.Image:
    mask = Picture.new("L", (size, size))
    mask.paste(255, (size // 4, size // 8, size // 2, size))
    return mask


def walk(work: Work, model: Model) -> Row:
    with torch.inference_mode():
        row = prepare(work, Kit(model))
        while not row.finished:
            (prediction,) = steps.predict([row])
            steps.advance(row, prediction)
    return row


def stock(kind: str, model: Model, work: Work, **more: Any) -> torch.Tensor:
    extra: dict[str, Any] = {"safety_checker": None, "requires_safety_checker": False}
    pipeline = PIPELINES[kind](
        **model.parts,
        scheduler=scheduler_of(model, work.sampler, work.scheduler),
        feature_extractor=None,
        **(extra if kind == "sd" else {"add_watermarker": False}),
    )
    pipeline.set_progress_bar_config(disable=True)
    drawn: torch.Tensor = pipeline(
        work.prompt,
        num_inference_steps=work.steps,
        guidance_scale=work.cfg_scale,
        generator=torch.Generator("cpu").manual_seed(work.seed),
        width=64,
        height=64,
        output_type="latent",
        **more,
    ).images
    assert torch.isfinite(drawn).all()
    return drawn


def redraw(path: Path, **given: Any) -> Work:
    start, mask = encode(noise_picture(), "PNG", 100), encode(a_mask().convert("RGB"), "PNG", 100)
    standard: dict[str, Any] = {"steps": 6, "init_image": start, "mask": mask, "extra": {"maskblur": 0}}
    return a_work(path, **(standard | given))


@pytest.mark.parametrize("kind", PIPELINES)
class TestAlone:
    @pytest.mark.parametrize(("sampler", "schedule"), PAIRS)
    @pytest.mark.parametrize(("strength", "cfg"), [(1.0, 5.0), (0.7, 5.0), (1.0, 1.0)])
    def test_under_a_mask(
        self,
        kind: str,
        folders: dict[str, Path],
        models: dict[str, Model],
        sampler: str,
        schedule: str,
        strength: float,
        cfg: float,
    ) -> None:
        assert takes_mask(models[kind])
        work = redraw(folders[kind], sampler=sampler, scheduler=schedule, strength=strength, cfg_scale=cfg)
        expected = stock(
            kind, models[kind], work, image=noise_picture(), mask_image=a_mask(), strength=strength
        )
        assert torch.equal(walk(work, models[kind]).latents, expected)

    def test_without_a_picture_everything_is_drawn(
        self, kind: str, folders: dict[str, Path], models: dict[str, Model]
    ) -> None:
        work = a_work(folders[kind])
        everything = Picture.new("L", (64, 64), 255)
        expected = stock(kind, models[kind], work, image=noise_picture(), mask_image=everything, strength=1.0)
        assert torch.equal(walk(work, models[kind]).latents, expected)

    def test_without_a_mask_everything_is_redrawn(
        self, kind: str, folders: dict[str, Path], models: dict[str, Model]
    ) -> None:
        start = noise_picture()
        work = a_work(folders[kind], steps=6, strength=0.6, init_image=encode(start, "PNG", 100))
        everything = Picture.new("L", (64, 64), 255)
        expected = stock(kind, models[kind], work, image=start, mask_image=everything, strength=0.6)
        assert torch.equal(walk(work, models[kind]).latents, expected)

    def test_a_box_around_the_mask(
        self, kind: str, folders: dict[str, Path], models: dict[str, Model]
    ) -> None:
        mask = Picture.new("L", (128, 128))
        mask.paste(255, (40, 48, 64, 72))
        work = redraw(
            folders[kind],
            init_image=encode(noise_picture(128), "PNG", 100),
            mask=encode(mask.convert("RGB"), "PNG", 100),
            width=128,
            height=128,
            native=((64, 64),),
            extra={"maskblur": 0, "maskshrinkgrow": 8},
        )
        pipeline_latents = self._cropped(kind, models[kind], work, mask)
        assert torch.equal(walk(work, models[kind]).latents, pipeline_latents)

    def _cropped(self, kind: str, model: Model, work: Work, mask: Picture.Image) -> torch.Tensor:
        """The stock pipelines give only pixels of a box, so their latents are caught at the last step."""
        caught: dict[str, torch.Tensor] = {}

        def catch(pipeline: Any, step: int, time: Any, values: dict[str, Any]) -> dict[str, Any]:
            caught["latents"] = values["latents"]
            return {}

        extra: dict[str, Any] = {"safety_checker": None, "requires_safety_checker": False}
        pipeline = PIPELINES[kind](
            **model.parts,
            scheduler=scheduler_of(model, work.sampler, work.scheduler),
            feature_extractor=None,
            **(extra if kind == "sd" else {"add_watermarker": False}),
        )
        pipeline.set_progress_bar_config(disable=True)
        pipeline(
            work.prompt,
            image=noise_picture(128),
            mask_image=mask,
            padding_mask_crop=8,
            strength=1.0,
            num_inference_steps=work.steps,
            guidance_scale=work.cfg_scale,
            generator=torch.Generator("cpu").manual_seed(work.seed),
            width=64,
            height=64,
            callback_on_step_end=catch,
        )
        return caught["latents"]


def test_the_picture_keeps_what_the_mask_does_not_cover(folders: dict[str, Path], studio: Studio) -> None:
    (drawn,) = studio.draw(redraw(folders["sd"]))
    kept = np.asarray(a_mask()) == 0
    assert np.array_equal(np.asarray(drawn)[kept], np.asarray(noise_picture())[kept])
    assert not np.array_equal(np.asarray(drawn)[~kept], np.asarray(noise_picture())[~kept])


def test_strangers_share_the_forward(
    folders: dict[str, Path], studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BatchSize, "wanted", lambda self, available, *rest: available)
    counts: list[int] = []
    predict = steps.predict
    monkeypatch.setattr(steps, "predict", lambda rows: counts.append(len(rows)) or predict(rows))
    path = folders["sd"]
    together = [redraw(path, number=0), redraw(path, number=1, strength=0.6), a_work(path, 2, steps=6)]
    alone = [
        redraw(path, number=10, seed=100, deterministic=True),
        redraw(path, number=11, seed=101, strength=0.6, deterministic=True),
        a_work(path, 12, seed=102, steps=6, deterministic=True),
    ]
    shared = studio.draw(*together)
    assert max(counts) == 3
    for picture, solo in zip(shared, studio.draw(*alone), strict=True):
        assert abs(np.asarray(picture).astype(int) - np.asarray(solo).astype(int)).max() <= 1


def test_other_channels_are_refused(tmp_path: Path) -> None:
    with_channels(build_pipeline(), 5).save_pretrained(tmp_path / "depth")
    with pytest.raises(ModelTrouble, match="takes 5 input channels"):
        load_model(ref_of(tmp_path / "depth"), torch.device("cpu"), torch.float32)
