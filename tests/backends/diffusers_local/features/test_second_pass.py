"""Alone, both passes are the stock pipelines one after the other, to the last bit."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from diffusers import (  # noqa: E402
    StableDiffusionImg2ImgPipeline,
    StableDiffusionPipeline,
    StableDiffusionXLImg2ImgPipeline,
    StableDiffusionXLPipeline,
)
from PIL import Image as Picture  # noqa: E402

from backends.contract import SecondPass, Work  # noqa: E402
from backends.diffusers_local import steps  # noqa: E402
from backends.diffusers_local.features import patches  # noqa: E402
from backends.diffusers_local.features.second_pass import follow  # noqa: E402
from backends.diffusers_local.loading.gather import Kit, gather, needs, paths_of  # noqa: E402
from backends.diffusers_local.loading.model import Model, load_model  # noqa: E402
from backends.diffusers_local.loading.shelf import Shelf  # noqa: E402
from backends.diffusers_local.loading.upscaler import load_upscaler  # noqa: E402
from backends.diffusers_local.pictures import pictures  # noqa: E402
from backends.diffusers_local.prepare import Refused, prepare  # noqa: E402
from tests.backends.diffusers_local.conftest import a_work, build_pipeline, ref_of  # noqa: E402
from tests.backends.diffusers_local.passes import piece_together, walk_all  # noqa: E402
from tests.backends.diffusers_local.upscalers import write_upscaler  # noqa: E402
from tests.backends.diffusers_local.xl import build_xl  # noqa: E402

CPU = torch.device("cpu")


def schedules_of(model: Model) -> Any:
    """Those of these models make the schedulers that the stock pipelines take."""
    return model.schedules


def stock(kind: Any, model: Model, work: Work, sampler: str = "", scheduler: str = "") -> Any:
    pipeline = kind(
        **model.parts,
        scheduler=schedules_of(model).make(sampler or work.sampler, scheduler or work.scheduler),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def asked(work: Work, seed: int, **other: Any) -> dict[str, Any]:
    return {
        "prompt": work.prompt,
        "negative_prompt": work.negative_prompt or None,
        "num_inference_steps": work.steps,
        "guidance_scale": work.cfg_scale,
        "generator": torch.Generator("cpu").manual_seed(seed),
        "output_type": "latent",
    } | other


def stock_xl(kind: Any, model: Model, sampler: str) -> Any:
    scheduler = schedules_of(model).make(sampler, "normal")
    pipeline = kind(**model.parts, scheduler=scheduler, add_watermarker=False)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def picture_of(row: Any) -> Picture.Image:
    with torch.inference_mode():
        if row.start is not None and not len(row.times):
            picture = row.start
        else:
            picture = pictures.as_picture(steps.decode([row])[0])
    picture = pictures.fit(picture, row.plan, centred=row.start is not None)
    return picture if row.masked is None else row.masked.finish(picture)


def noise_picture(width: int, height: int, seed: int = 1) -> Picture.Image:
    values = np.random.default_rng(seed).integers(0, 255, (height // 8, width // 8, 3), dtype=np.uint8)
    return Picture.fromarray(values).resize((width, height), Picture.Resampling.BICUBIC)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Another Stable Diffusion: other numbers, the same latent space."""
    path = tmp_path_factory.mktemp("models") / "other"
    pipeline = build_pipeline()
    torch.manual_seed(9)
    for part in (pipeline.unet, pipeline.text_encoder):
        for tensor in part.parameters():
            tensor.data += 0.02 * torch.randn_like(tensor)
    pipeline.save_pretrained(path)
    with torch.inference_mode():
        return load_model(ref_of(path), CPU, torch.float32)


@pytest.fixture(scope="module")
def xl(tmp_path_factory: pytest.TempPathFactory) -> Model:
    path = tmp_path_factory.mktemp("models") / "xl"
    build_xl().save_pretrained(path)
    with torch.inference_mode():
        return load_model(ref_of(path), CPU, torch.float32)


class TestPostApply:
    @pytest.mark.parametrize("sampler", ["ddim", "euler", "euler_ancestral", "dpmpp_2m", "heun", "lms"])
    def test_of_the_same_size_the_latents_are_redrawn(self, folder: Path, model: Model, sampler: str) -> None:
        work = a_work(folder, sampler=sampler, negative_prompt="blue", steps=6, second=SecondPass(part=0.5))
        first = stock(StableDiffusionPipeline, model, work)(**asked(work, work.seed), width=64, height=64)
        expected = stock(StableDiffusionImg2ImgPipeline, model, work)(
            **asked(work, work.seed + 1), image=first.images, strength=0.5
        ).images
        one, two = walk_all(work, Kit(model, second=Kit(model)))
        assert torch.equal(one.latents, first.images)
        assert torch.equal(two.latents, expected)
        assert (one.own_steps, two.own_steps, two.steps) == (6, 3, 9)

    def test_enlarged_it_is_the_image_to_image_pipeline(self, folder: Path, model: Model) -> None:
        work = a_work(folder, steps=5, second=SecondPass(part=0.4, upscale=1.5))
        request = asked(work, work.seed, output_type="pil")
        first = stock(StableDiffusionPipeline, model, work)(**request, width=64, height=64).images[0]
        large = first.resize((96, 96), Picture.Resampling.LANCZOS)
        expected = stock(StableDiffusionImg2ImgPipeline, model, work)(
            **asked(work, work.seed + 1), image=large, strength=0.4
        ).images
        two = walk_all(work, Kit(model, second=Kit(model)))[-1]
        assert torch.equal(two.latents, expected)
        assert picture_of(two).size == (96, 96)

    def test_another_model_sampler_steps_and_guidance(self, folder: Path, model: Model, other: Model) -> None:
        second = SecondPass(
            0.5, model=other.ref, steps=8, cfg_scale=2.0, sampler="dpmpp_2m", scheduler="karras"
        )
        work = a_work(folder, second=second)
        first = stock(StableDiffusionPipeline, model, work)(**asked(work, work.seed), width=64, height=64)
        request = asked(work, work.seed + 1, num_inference_steps=8, guidance_scale=2.0)
        expected = stock(StableDiffusionImg2ImgPipeline, other, work, "dpmpp_2m", "karras")(
            **request, image=first.images, strength=0.5
        ).images
        rows = walk_all(work, Kit(model, second=Kit(other)))
        assert torch.equal(rows[-1].latents, expected)
        assert rows[-1].cfg_scale == 2.0
        assert rows[-1].key != rows[0].key

    def test_into_another_latent_space_it_goes_as_a_picture(
        self, folder: Path, model: Model, xl: Model
    ) -> None:
        work = a_work(folder, second=SecondPass(0.5, model=xl.ref))
        first = stock(StableDiffusionPipeline, model, work)(
            **asked(work, work.seed, output_type="pil"), width=64, height=64
        ).images[0]
        expected = stock_xl(StableDiffusionXLImg2ImgPipeline, xl, "euler")(
            **asked(work, work.seed + 1), image=first, strength=0.5
        ).images
        two = walk_all(work, Kit(model, second=Kit(xl)))[-1]
        assert torch.equal(two.latents, expected)


class TestStepSwap:
    @pytest.mark.parametrize("sampler", ["euler", "ddim", "dpmpp_2m", "uni_pc", "euler_ancestral"])
    def test_with_its_noise_kept_it_is_the_two_stock_pipelines(self, xl: Model, sampler: str) -> None:
        second = SecondPass(0.3, method="StepSwapNoisy")
        work = a_work(Path(xl.ref.path), sampler=sampler, steps=10, second=second)
        made = schedules_of(xl).make(sampler, "normal")
        made.set_timesteps(10)
        # the stock pipelines cut at a time step, not after a number of them: at one between the two
        end = 1 - float(made.timesteps[6:8].float().mean().round()) / 1000
        first = stock_xl(StableDiffusionXLPipeline, xl, sampler)(
            **asked(work, work.seed), width=64, height=64, denoising_end=end
        ).images
        expected = stock_xl(StableDiffusionXLImg2ImgPipeline, xl, sampler)(
            **asked(work, work.seed + 1), image=first, denoising_start=end
        ).images
        one, two = walk_all(work, Kit(xl, second=Kit(xl)))
        assert torch.equal(one.latents, first)
        assert torch.equal(two.latents, expected)
        assert (one.own_steps, two.own_steps, two.steps) == (7, 3, 10)

    def test_the_same_walk_in_two_rows_is_the_walk(self, folder: Path, model: Model) -> None:
        second = SecondPass(0.4, method="StepSwapNoisy")
        work = a_work(folder, sampler="ddim", steps=10, second=second)
        whole = a_work(folder, sampler="ddim", steps=10)
        two = walk_all(work, Kit(model, second=Kit(model)))[-1]
        (one,) = walk_all(whole, Kit(model))
        torch.testing.assert_close(two.latents, one.latents)

    def test_samplers_that_count_noise_otherwise_go_on_from_the_same_picture(
        self, folder: Path, model: Model
    ) -> None:
        whole = walk_all(a_work(folder, sampler="ddim", steps=20), Kit(model))[-1].latents
        for samplers in (("euler", "ddim"), ("ddim", "euler"), ("dpmpp_2m", "lms")):
            second = SecondPass(0.4, method="StepSwapNoisy", sampler=samplers[1])
            work = a_work(folder, sampler=samplers[0], steps=20, second=second)
            two = walk_all(work, Kit(model, second=Kit(model)))[-1]
            assert float((two.latents - whole).std()) < 0.3 * float(whole.std()), samplers

    def test_without_its_noise_the_first_ends_in_a_picture(self, folder: Path, model: Model) -> None:
        work = a_work(folder, steps=10, second=SecondPass(0.4, method="StepSwap"))
        one, two = walk_all(work, Kit(model, second=Kit(model)))
        assert (one.own_steps, two.own_steps) == (6, 4)
        (full,) = walk_all(a_work(folder, steps=10), Kit(model))
        assert float(one.latents.std()) < 1.5 * float(full.latents.std()), "no noise is left in it"
        assert two.kit.second is None
        assert bool(torch.isfinite(two.latents).all())

    @pytest.mark.parametrize("method", ["StepSwap", "StepSwapNoisy"])
    def test_all_of_it_for_the_second_is_drawn_by_the_second(
        self, folder: Path, model: Model, other: Model, method: str
    ) -> None:
        work = a_work(folder, second=SecondPass(1.0, method=method, model=other.ref))
        one, two = walk_all(work, Kit(model, second=Kit(other)))
        alone = a_work(Path(other.ref.path), seed=work.seed + 1)
        (expected,) = walk_all(alone, Kit(other))
        assert one.own_steps == 0
        assert torch.equal(two.latents, expected.latents)

    @pytest.mark.parametrize("method", ["StepSwap", "StepSwapNoisy"])
    def test_a_start_whose_whole_redraw_is_the_seconds(self, folder: Path, model: Model, method: str) -> None:
        start = noise_picture(64, 64)
        work = a_work(
            folder,
            steps=10,
            strength=0.3,
            init_image=pictures.encode(start, "PNG", 100),
            second=SecondPass(0.5, method=method),
        )
        expected = stock(StableDiffusionImg2ImgPipeline, model, work)(
            **asked(work, work.seed + 1), image=start, strength=0.3
        ).images
        one, two = walk_all(work, Kit(model, second=Kit(model)))
        assert (one.own_steps, two.own_steps) == (0, 3)
        assert torch.equal(two.latents, expected)

    @pytest.mark.parametrize("method", ["StepSwap", "StepSwapNoisy"])
    def test_of_a_single_step_none_is_left(self, folder: Path, model: Model, method: str) -> None:
        work = a_work(folder, steps=1, second=SecondPass(0.5, method=method, steps=4))
        one, two = walk_all(work, Kit(model, second=Kit(model)))
        after = SecondPass(0.5, steps=4)
        expected = walk_all(a_work(folder, steps=1, second=after), Kit(model, second=Kit(model)))[-1]
        assert (one.own_steps, two.own_steps) == (1, 2)
        assert torch.equal(two.latents, expected.latents)

    @pytest.mark.parametrize("upscale", [1.0, 2.0])
    def test_of_a_start_that_no_step_redraws_nothing_is_shared_out(
        self, folder: Path, model: Model, upscale: float
    ) -> None:
        start = noise_picture(64, 64)
        second = SecondPass(0.5, "StepSwap", upscale=upscale, upscale_method="pixel-nearest-exact")
        given: dict[str, Any] = {"strength": 0.0, "init_image": pictures.encode(start, "PNG", 100)}
        rows = walk_all(a_work(folder, second=second, **given), Kit(model, second=Kit(model)))
        assert rows[-1].steps == 0
        side = round(64 * upscale)
        assert picture_of(rows[-1]) == start.resize((side, side), Picture.Resampling.NEAREST)


class TestEnlarging:
    @pytest.mark.parametrize("way", ["lanczos", "bicubic", "bilinear", "area", "nearest-exact"])
    @pytest.mark.parametrize("part", [0, 0.5])
    def test_as_a_picture_to_exactly_the_size(
        self, folder: Path, model: Model, way: str, part: float
    ) -> None:
        second = SecondPass(part, upscale=1.7, upscale_method=f"pixel-{way}")
        work = a_work(folder, width=72, height=50, second=second)
        rows = walk_all(work, Kit(model, second=Kit(model) if part else None))
        assert picture_of(rows[-1]).size == (122, 85)
        assert len(rows) == 2

    @pytest.mark.parametrize("way", ["bicubic", "bilinear", "area", "nearest-exact"])
    @pytest.mark.parametrize("part", [0, 0.5])
    def test_as_latents_to_exactly_the_size(self, folder: Path, model: Model, way: str, part: float) -> None:
        second = SecondPass(part, upscale=1.7, upscale_method=f"latent-{way}")
        work = a_work(folder, width=72, height=50, second=second)
        rows = walk_all(work, Kit(model, second=Kit(model) if part else None))
        assert picture_of(rows[-1]).size == (122, 85)
        assert rows[-1].latents.shape[-2:] == (12, 15)

    @pytest.mark.parametrize("way", ["pixel-bilinear", "latent-bilinear"])
    def test_a_redrawn_start_is_what_is_enlarged(self, folder: Path, model: Model, way: str) -> None:
        given: dict[str, Any] = {
            "strength": 0.8,
            "init_image": pictures.encode(noise_picture(64, 64), "PNG", 100),
        }
        second = SecondPass(0, upscale=2, upscale_method=way)
        rows = walk_all(a_work(folder, second=second, **given), Kit(model))
        expected = picture_of(rows[0]).resize((128, 128), Picture.Resampling.BILINEAR)
        assert np.abs(np.asarray(picture_of(rows[-1])).astype(int) - np.asarray(expected)).mean() < 16

    @pytest.mark.parametrize("upscale", [0.5, 2.0, 3.0])
    @pytest.mark.parametrize("part", [0, 0.5])
    def test_by_a_network(
        self, tmp_path: Path, folder: Path, model: Model, upscale: float, part: float
    ) -> None:
        ref = write_upscaler(tmp_path / "x2.safetensors", scale=2)
        upscaler = load_upscaler(ref, CPU, torch.float32)
        second = SecondPass(part, upscale=upscale, upscale_method="model", upscaler=ref)
        work = a_work(folder, width=72, height=50, second=second)
        rows = walk_all(work, Kit(model, second=Kit(model) if part else None, upscaler=upscaler))
        assert picture_of(rows[-1]).size == (round(72 * upscale), round(50 * upscale))
        assert rows[-1].steps == 4 + 1 + (2 if part else 0), "the one tile counts as a step"

    def test_without_a_part_the_picture_is_the_first_one_enlarged(self, folder: Path, model: Model) -> None:
        work = a_work(folder, second=SecondPass(0, upscale=2))
        one, two = walk_all(work, Kit(model))
        expected = picture_of(one).resize((128, 128), Picture.Resampling.LANCZOS)
        assert np.array_equal(np.asarray(picture_of(two)), np.asarray(expected))

    def test_neither_enlarged_nor_redrawn_is_no_second_pass(self, folder: Path, model: Model) -> None:
        (row,) = walk_all(a_work(folder, second=SecondPass(0)), Kit(model))
        assert row.steps == 4

    def test_an_untouched_start_is_enlarged_as_it_is(self, folder: Path, model: Model) -> None:
        start = noise_picture(64, 64)
        work = a_work(
            folder,
            strength=0.0,
            init_image=pictures.encode(start, "PNG", 100),
            second=SecondPass(0, upscale=2, upscale_method="pixel-nearest-exact"),
        )
        rows = walk_all(work, Kit(model))
        expected = start.resize((128, 128), Picture.Resampling.NEAREST)
        assert np.array_equal(np.asarray(picture_of(rows[-1])), np.asarray(expected))

    @pytest.mark.parametrize("way", ["pixel-lanczos", "model"])
    def test_what_goes_on_at_its_other_side_still_does(
        self, tmp_path: Path, folder: Path, model: Model, way: str
    ) -> None:
        ref = write_upscaler(tmp_path / "x2.safetensors", scale=2)
        upscaler = load_upscaler(ref, CPU, torch.float32) if way == "model" else None
        second = SecondPass(0, upscale=1.5, upscale_method=way, upscaler=ref if upscaler else None)

        def drawn(picture: Picture.Image, axes: str) -> Any:
            work = a_work(
                folder,
                strength=0.0,
                init_image=pictures.encode(picture, "PNG", 100),
                second=second,
                extra={"seamlesstileable": axes},
            )
            return np.asarray(picture_of(walk_all(work, Kit(model, upscaler=upscaler))[-1])).astype(int)

        start = noise_picture(64, 64)
        moved = Picture.fromarray(np.roll(np.asarray(start), 32, axis=1))
        for axes, same in (("X-Only", True), ("false", False)):
            one, other = drawn(start, axes), np.roll(drawn(moved, axes), -48, axis=1)
            assert one.shape == (96, 96, 3)
            assert bool(np.abs(one - other).max() <= 1) is same

    def test_a_model_of_one_size_is_enlarged_beyond_it(self, folder: Path, model: Model) -> None:
        work = a_work(folder, native=((64, 64),), width=96, height=48, second=SecondPass(0.5, upscale=2))
        one, two = walk_all(work, Kit(model, second=Kit(model)))
        assert one.plan.drawn == (64, 64)
        assert two.plan.drawn == (192, 96)
        assert picture_of(two).size == (192, 96)


class TestMask:
    @pytest.mark.parametrize("method", ["PostApply", "StepSwap", "StepSwapNoisy"])
    @pytest.mark.parametrize("upscale", [1.0, 2.0])
    def test_what_it_keeps_is_kept_to_the_end(
        self, folder: Path, model: Model, method: str, upscale: float
    ) -> None:
        start, mask = noise_picture(64, 64), Picture.new("L", (64, 64))
        mask.paste(255, (32, 0, 64, 64))
        second = SecondPass(0.5, method=method, upscale=upscale, upscale_method="pixel-nearest-exact")
        work = a_work(
            folder,
            strength=0.8,
            steps=10,
            init_image=pictures.encode(start, "PNG", 100),
            mask=pictures.encode(mask, "PNG", 100),
            second=second,
            extra={"maskblur": 0},
        )
        two = walk_all(work, Kit(model, second=Kit(model)))[-1]
        large = start.resize(two.plan.wanted, Picture.Resampling.NEAREST)
        made, kept = np.asarray(picture_of(two)), np.asarray(large)
        half = two.plan.wanted[0] // 2 - 2
        assert np.array_equal(made[:, :half], kept[:, :half])
        assert np.abs(made[:, half + 4 :].astype(int) - kept[:, half + 4 :]).mean() > 5


def test_large_pictures_go_in_tiles(folder: Path, model: Model) -> None:
    extra = {"vaetilesize": 64, "vaetileoverlap": 32}
    work = a_work(folder, width=128, height=128, second=SecondPass(0.5, upscale=1.5), extra=extra)
    two = walk_all(work, Kit(model, second=Kit(model)))[-1]
    assert picture_of(two).size == (192, 192)
    assert bool(torch.isfinite(two.latents).all())


class TestPatches:
    def test_one_patch_is_the_whole(self, folder: Path, model: Model) -> None:
        work = a_work(folder, second=SecondPass(0.5, upscale=1.5))
        patched = a_work(folder, second=SecondPass(0.5, upscale=1.5), extra={"refinerdotiling": True})
        whole, other = (walk_all(one, Kit(model, second=Kit(model)))[-1] for one in (work, patched))
        assert other.patches == ()
        assert torch.equal(whole.latents, other.latents)

    def test_a_large_picture_is_asked_for_patch_by_patch(
        self, folder: Path, model: Model, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(patches, "_SIDE", 64)
        monkeypatch.setattr(patches, "_OVERLAP", 32)
        shapes = []
        forward = model.denoiser.forward

        def noted(sample: Any, *rest: Any) -> Any:
            shapes.append(tuple(sample.shape))
            return forward(sample, *rest)

        second = SecondPass(0.5, upscale=2)
        whole = walk_all(a_work(folder, second=second), Kit(model, second=Kit(model)))[-1]
        monkeypatch.setattr(model.denoiser, "forward", noted)
        work = a_work(folder, second=second, extra={"refinerdotiling": True})
        rows = walk_all(work, Kit(model, second=Kit(model)))
        assert len(rows[-1].patches) == 9
        assert set(shapes) == {(2, 4, 8, 8)}
        assert len(shapes) == 4 + 2 * 9
        assert rows[-1].key != whole.key
        assert float((rows[-1].latents - whole.latents).std()) < 0.5 * float(whole.latents.std())


def test_a_picture_of_no_numbers_is_told(folder: Path, model: Model) -> None:
    with torch.inference_mode():
        row = follow(
            prepare(a_work(folder, second=SecondPass(0.5, upscale=2)), Kit(model, second=Kit(model)))
        )
        row.latents.fill_(float("nan"))
        row.index = len(row.times)
        assert row.after is not None
        with pytest.raises(Refused, match="no numbers"):
            piece_together(row.after(row))


def test_everything_it_needs_is_gathered(tmp_path: Path, folder: Path, other: Model) -> None:
    upscaler = write_upscaler(tmp_path / "up.safetensors")
    second = SecondPass(0.5, model=other.ref, upscale=2, upscale_method="model", upscaler=upscaler)
    work = a_work(folder, second=second)
    shelf = Shelf(CPU, torch.float32, 1 << 30)
    for need in needs(work):
        shelf.load(need.kind, need.ref, set())
    kit = gather(work, shelf)
    assert kit.second is not None
    assert kit.second.model.ref == other.ref
    assert kit.upscaler.scale == 4
    assert paths_of(work) == {str(folder), other.ref.path, upscaler.path}
    assert [need.kind for need in needs(a_work(folder, second=SecondPass(0, model=other.ref)))] == ["model"]
