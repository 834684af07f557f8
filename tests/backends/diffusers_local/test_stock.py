"""Models that run through their own pipeline: the same picture, told and stoppable after every step."""

import gc
import io
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image as Picture

from backends.contract import Control, ModelRef, SecondPass, Work
from backends.diffusers_local import stock
from backends.diffusers_local.families import FAMILIES
from backends.diffusers_local.loading.gather import Kit
from backends.diffusers_local.loading.stock_model import StockModel, load_stock
from backends.diffusers_local.pictures.pictures import encode
from backends.diffusers_local.prepare import Refused
from backends.diffusers_local.stock_steps import packed, unpacked
from tests.backends.diffusers_local.stock_models import BUILD

STOCK = [family for family in FAMILIES.values() if family.stock is not None]
OWN = {"hunyuan_dit": ("ddpm", "ddim_uniform"), "pixart_alpha": ("dpmpp_2m", "normal")}
OWN["pixart_sigma"] = OWN["pixart_alpha"]
"""The names that stand for a family's own scheduler, where they are not the first ones."""


@pytest.fixture(scope="session")
def loaded(stock_folder: Callable[[str], Path]) -> Callable[[str], StockModel]:
    """A family's model, loaded once."""
    held: dict[str, StockModel] = {}

    def load(family: str) -> StockModel:
        if family not in held:
            folder = stock_folder(family)
            held[family] = load_stock(ModelRef(family, str(folder)), torch.device("cpu"), torch.float32)
        return held[family]

    return load


def own_names(family: str) -> tuple[str, str]:
    samplers = FAMILIES[family].stock.samplers
    first = next(iter(samplers))
    return OWN.get(family, (first, samplers[first][0]))


def a_stock_work(model: StockModel, **given: Any) -> Work:
    sampler, scheduler = own_names(model.family.id)
    standard: dict[str, Any] = {
        "prompt": "a red circle",
        "negative_prompt": "blue square" if model.stock.negative else "",
        "width": 96,
        "height": 64,
        "steps": 3,
        "cfg_scale": 4.0,
        "sampler": sampler,
        "scheduler": scheduler,
        "seed": 7,
    }
    return Work("t:1", "u", "s", model.ref, **(standard | given))


class Seen:
    """What reached the decoder, and what was told."""

    def __init__(self, model: StockModel, monkeypatch: pytest.MonkeyPatch) -> None:
        self.decoded: list[torch.Tensor] = []
        self.told: list[tuple[int, int]] = []
        self.foreseen: list[Any] = []
        decode = model.vae.decode

        def spy(latents: torch.Tensor, *args: Any, **given: Any) -> Any:
            self.decoded.append(latents.clone())
            return decode(latents, *args, **given)

        monkeypatch.setattr(model.vae, "decode", spy)

    def tell(self, step: int, steps: int, foresee: Callable[[], Any]) -> None:
        self.told.append((step, steps))
        self.foreseen.append(foresee().numpy())


def kit_of(model: StockModel) -> Kit:
    """As the shelf gives it: what it holds is checked when it is drawn."""
    held: Any = model
    return Kit(held)


def drawn(work: Work, model: StockModel, tell: Any = lambda *_: None) -> Picture.Image:
    stock.refuse(work, model)
    return stock.draw(work, kit_of(model), tell).picture


def the_same_call(work: Work, model: StockModel, **more: Any) -> dict[str, Any]:
    """What somebody writes who calls the stock pipeline for this work."""
    call: dict[str, Any] = {
        "prompt": work.prompt,
        "num_inference_steps": work.steps,
        "generator": torch.Generator("cpu").manual_seed(work.seed),
        model.stock.guidance: work.cfg_scale,
        "width": work.width,
        "height": work.height,
        "output_type": "pil",
    }
    if model.stock.negative:
        call["negative_prompt"] = work.negative_prompt
    if "use_resolution_binning" in model.stock.arguments:
        call["use_resolution_binning"] = False
    if "clean_caption" in model.stock.arguments:
        call["clean_caption"] = False
    if model.family.id == "sana_sprint" and work.steps != 2:
        call["intermediate_timesteps"] = None
    return call | more


@pytest.mark.parametrize("family", sorted(BUILD))
def test_the_picture_is_the_stock_pipelines(
    family: str,
    stock_folder: Callable[[str], Path],
    loaded: Callable[[str], StockModel],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = loaded(family)
    work, seen = a_stock_work(model), Seen(model, monkeypatch)
    ours = drawn(work, model, seen.tell)
    theirs = diffusers.DiffusionPipeline.from_pretrained(
        stock_folder(family), local_files_only=True, use_safetensors=True, dtype=torch.float32
    )
    theirs.set_progress_bar_config(disable=True)
    expected: list[torch.Tensor] = []
    decode = theirs.vae.decode
    monkeypatch.setattr(
        theirs.vae, "decode", lambda latents, *a, **k: (expected.append(latents), decode(latents, *a, **k))[1]
    )
    with torch.inference_mode():
        (picture,) = theirs(**the_same_call(work, model)).images
    assert torch.isfinite(expected[0]).all()
    assert torch.equal(seen.decoded[0], expected[0])
    assert np.array_equal(np.asarray(ours), np.asarray(picture))
    assert ours.size == (96, 64)
    assert seen.told == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    "family", [family.id for family in STOCK if family.stock and family.stock.from_picture]
)
def test_a_picture_to_begin_from_goes_through_the_stock_pipeline_for_that(
    family: str, loaded: Callable[[str], StockModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = loaded(family)
    start = Picture.fromarray(np.random.default_rng(1).integers(0, 255, (64, 96, 3), dtype=np.uint8))
    work = a_stock_work(model, steps=4, strength=0.6, init_image=encode(start, "PNG", 100))
    seen = Seen(model, monkeypatch)
    ours = drawn(work, model, seen.tell)
    kind = getattr(diffusers, model.stock.from_picture)
    theirs = kind(**model.parts, scheduler=getattr(diffusers, model.scheduler).from_config(model.config))
    theirs.set_progress_bar_config(disable=True)
    with torch.inference_mode():
        (picture,) = theirs(**the_same_call(work, model, image=start, strength=0.6)).images
    assert torch.equal(seen.decoded[0], seen.decoded[1])
    assert np.array_equal(np.asarray(ours), np.asarray(picture))
    assert seen.told == [(1, 3), (2, 3), (3, 3)]
    assert stock.steps_of(work) == 3
    untouched = stock.draw(
        a_stock_work(model, strength=0.0, init_image=work.init_image), kit_of(model), seen.tell
    )
    assert np.array_equal(np.asarray(untouched.picture), np.asarray(start))


def png(high: int, wide: int, seed: int = 1) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 255, (high, wide, 3), dtype=np.uint8)
    return encode(Picture.fromarray(noise), "PNG", 100)


def half_masked() -> Picture.Image:
    mask = Picture.new("L", (96, 64), 0)
    mask.paste(255, (48, 0, 96, 64))
    return mask


@pytest.mark.parametrize(
    "family", [family.id for family in STOCK if family.stock and family.stock.in_picture]
)
@pytest.mark.parametrize("strength", [0.6, 1.0])
def test_a_mask_goes_through_the_stock_pipeline_for_that(
    family: str, strength: float, loaded: Callable[[str], StockModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = loaded(family)
    start, mask = png(64, 96), half_masked()
    work = a_stock_work(
        model,
        steps=4,
        strength=strength,
        init_image=start,
        mask=encode(mask, "PNG", 100),
        extra={"maskblur": 0},
    )
    seen = Seen(model, monkeypatch)
    stock.refuse(work, model)
    drawing = stock.draw(work, kit_of(model), seen.tell)
    kind = getattr(diffusers, model.stock.in_picture)
    theirs = kind(**model.parts, scheduler=getattr(diffusers, model.scheduler).from_config(model.config))
    theirs.set_progress_bar_config(disable=True)
    picture = Picture.open(io.BytesIO(start))
    call = the_same_call(work, model, image=picture, mask_image=mask, strength=strength)
    with torch.inference_mode():
        (expected,) = theirs(**call).images
    assert torch.equal(seen.decoded[0], seen.decoded[1])
    assert np.array_equal(np.asarray(drawing.picture), np.asarray(expected))
    assert drawing.finish is not None
    finished = np.asarray(drawing.finish(drawing.picture))
    assert np.array_equal(finished[:, :48], np.asarray(picture)[:, :48])
    assert np.array_equal(finished[:, 48:], np.asarray(expected)[:, 48:])


def every_pair() -> list[Any]:
    families = ("pixart_sigma", "hunyuan_dit", "lumina2", "qwen_image", "cogview4", "auraflow", "sana")
    return [
        (family, sampler, scheduler)
        for family in families
        for sampler, schedulers in FAMILIES[family].stock.samplers.items()
        if not sampler.endswith("_gpu")  # the same by another name
        for scheduler in schedulers
    ]


@pytest.mark.parametrize(("family", "sampler", "scheduler"), every_pair())
def test_every_sampler_walks_to_a_picture_and_tells_each_step(
    family: str,
    sampler: str,
    scheduler: str,
    loaded: Callable[[str], StockModel],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = loaded(family)
    seen = Seen(model, monkeypatch)
    drawn(a_stock_work(model, sampler=sampler, scheduler=scheduler, width=64, steps=4), model, seen.tell)
    assert seen.told == [(step, 4) for step in range(1, 5)]
    assert torch.isfinite(seen.decoded[0]).all()
    assert all(np.isfinite(clean).all() for clean in seen.foreseen)


@pytest.mark.parametrize("family", ["lumina2", "qwen_image", "z_image", "chroma"])
def test_levels_laid_out_beforehand_are_those_the_pipeline_lays_out(
    family: str, loaded: Callable[[str], StockModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Along a straight line DDIM's step is Euler's: one walks our levels, the other the pipeline's."""
    model = loaded(family)
    seen = Seen(model, monkeypatch)
    drawn(a_stock_work(model, steps=5), model)
    drawn(a_stock_work(model, steps=5, sampler="ddim", scheduler="simple"), model)
    own, laid = seen.decoded
    assert (own - laid).abs().max() < 1e-4 * own.abs().max()


@pytest.mark.parametrize("sampler", ["euler_ancestral", "dpmpp_sde", "dpmpp_2m_sde", "lcm"])
def test_a_sampler_that_renews_noise_takes_it_from_the_seed(
    sampler: str, loaded: Callable[[str], StockModel]
) -> None:
    model = loaded("qwen_image")
    works = [a_stock_work(model, sampler=sampler, scheduler="simple", seed=seed) for seed in (4, 4, 5)]
    one, again, other = (np.asarray(drawn(work, model)) for work in works)
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("family", sorted(BUILD))
def test_the_last_step_foresees_the_finished_latents(
    family: str, loaded: Callable[[str], StockModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = loaded(family)
    seen = Seen(model, monkeypatch)
    sampler, scheduler = ("euler", "normal") if model.stock.noise == "diffusion" else own_names(family)
    drawn(a_stock_work(model, sampler=sampler, scheduler=scheduler, steps=4), model, seen.tell)
    channels = model.vae.config.get("latent_channels") or model.vae.config.z_dim
    assert {clean.shape for clean in seen.foreseen} == {(channels, 64 // model.scale, 96 // model.scale)}
    decoded = seen.decoded[0].reshape(seen.foreseen[-1].shape).numpy()
    if model.family.id == "qwen_image":
        mean, spread = (
            np.reshape(numbers, (-1, 1, 1))
            for numbers in (model.vae.config.latents_mean, model.vae.config.latents_std)
        )
        finished = (decoded - mean) / spread
    else:
        finished = (decoded - (model.vae.config.get("shift_factor") or 0)) * model.vae.config.scaling_factor
    assert np.allclose(seen.foreseen[-1], finished, atol=2e-3 * np.abs(finished).max())


class Halt(BaseException):
    """Stands for whatever stops a work."""


@pytest.mark.parametrize("family", ["pixart_alpha", "qwen_image", "sana_sprint"])
def test_a_stop_comes_through_after_the_step_and_nothing_is_decoded(
    family: str, loaded: Callable[[str], StockModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = loaded(family)
    work, told = a_stock_work(model, steps=4), []
    before = np.asarray(drawn(work, model))
    seen = Seen(model, monkeypatch)

    def stop(step: int, *_: Any) -> None:
        told.append(step)
        if step == 2:
            raise Halt

    with pytest.raises(Halt):
        drawn(work, model, stop)
    assert told == [1, 2]
    assert seen.decoded == []
    assert np.array_equal(np.asarray(drawn(work, model)), before)


def test_two_works_of_one_model_do_not_disturb_each_other(loaded: Callable[[str], StockModel]) -> None:
    model = loaded("lumina2")
    one, other = a_stock_work(model, seed=1, steps=4), a_stock_work(model, seed=2, cfg_scale=1.0)
    expected = np.asarray(drawn(one, model)), np.asarray(drawn(other, model))
    inner: list[Any] = []

    def amid(step: int, *_: Any) -> None:
        if step == 2:
            inner.append(np.asarray(drawn(other, model)))

    assert np.array_equal(np.asarray(drawn(one, model, amid)), expected[0])
    assert np.array_equal(inner[0], expected[1])


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "sampler": ("sana", {"sampler": "heun"}, "no sampler 'heun'; it has: dpmpp_2m, euler"),
    "scheduler": ("cogview4", {"scheduler": "kl_optimal"}, "goes with: simple, normal"),
    "sampler from a picture": (
        "qwen_image",
        {"sampler": "heun", "init_image": b"x"},
        "take 'euler' with one of: simple",
    ),
    "one step": ("pixart_alpha", {"steps": 1}, "at least 2 steps"),
    "no steps": ("lumina2", {"steps": 0}, "at least 1 steps"),
    "start": ("lumina2", {"init_image": b"x"}, "cannot begin from a picture"),
    "broken start": ("qwen_image", {"init_image": b"x"}, "cannot be read"),
    "negative": ("sana_sprint", {"negative_prompt": "blue"}, "no negative prompt"),
    "mask": ("sana_sprint", {"mask": b"x", "init_image": b"x"}, "under a mask"),
    "broken mask": ("qwen_image", {"mask": b"x", "init_image": png(64, 96)}, "cannot be read"),
    "border": ("sana_sprint", {"extra": {"outpaintleft": 32}, "init_image": png(64, 96)}, "beyond a picture"),
    "control": ("qwen_image", {"controls": (Control(ModelRef("c", "c")),)}, "a ControlNet"),
    "second": ("qwen_image", {"second": SecondPass()}, "a refiner"),
    "tiling": ("qwen_image", {"extra": {"seamlesstileable": "true"}}, "seamless"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_family_cannot_do_is_refused_by_name(name: str, loaded: Callable[[str], StockModel]) -> None:
    family, given, words = REFUSED[name]
    model = loaded(family)
    with pytest.raises(Refused, match=words):
        drawn(a_stock_work(model, **given), model)


@pytest.mark.parametrize("family", ["pixart_sigma", "chroma", "z_image", "sana_sprint"])
def test_variation_goes_from_one_seed_to_the_other(family: str, loaded: Callable[[str], StockModel]) -> None:
    model = loaded(family)
    # one step renews no noise, so that only the first one counts
    steps = 1 if family == "sana_sprint" else 3
    one, half, whole, other = (
        np.asarray(drawn(a_stock_work(model, steps=steps, **given), model)).astype(int)
        for given in (
            {"seed": 1},
            {"seed": 1, "variation_seed": 2, "variation_strength": 0.5},
            {"seed": 1, "variation_seed": 2, "variation_strength": 1.0},
            {"seed": 2},
        )
    )
    assert abs(whole - other).max() <= 1
    assert abs(half - one).max() > 4
    assert abs(half - other).max() > 4


def test_a_size_between_is_drawn_larger_and_told(loaded: Callable[[str], StockModel]) -> None:
    model = loaded("qwen_image")
    work = a_stock_work(model, width=70, height=64)
    drawing = stock.draw(work, kit_of(model), lambda *_: None)
    assert drawing.picture.size == (80, 64)
    assert drawing.notes == {"drawn_size": "80x64", "fitted": "cropped"}


def test_a_prompt_that_does_not_fit_is_told(loaded: Callable[[str], StockModel]) -> None:
    model = loaded("pixart_alpha")
    drawing = stock.draw(a_stock_work(model, prompt="a " * 130 + "square"), kit_of(model), lambda *_: None)
    assert str(drawing.notes["prompt_cut"]).endswith("square")


def test_a_prompt_is_encoded_once(
    loaded: Callable[[str], StockModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = loaded("pixart_sigma")
    asked: list[int] = []
    monkeypatch.setattr(
        model.parts["text_encoder"], "forward", counting(model.parts["text_encoder"].forward, asked)
    )
    first = drawn(a_stock_work(model, prompt="a red square on blue"), model)
    read = len(asked)
    again = drawn(a_stock_work(model, prompt="a red square on blue", seed=7), model)
    assert len(asked) == read > 0
    assert np.array_equal(np.asarray(first), np.asarray(again))
    drawn(a_stock_work(model, prompt="a blue square on red"), model)
    assert len(asked) > read


def counting(function: Any, asked: list[int]) -> Any:
    def counted(*args: Any, **given: Any) -> Any:
        asked.append(1)
        return function(*args, **given)

    return counted


def test_nothing_of_a_drawing_keeps_its_model(stock_folder: Callable[[str], Path]) -> None:
    ref = ModelRef("gone", str(stock_folder("pixart_sigma")))
    gc.collect()
    gc.disable()
    try:
        model = load_stock(ref, torch.device("cpu"), torch.float32)
        work = a_stock_work(model)
        drawn(work, model)
        with pytest.raises(Halt):
            drawn(work, model, stop_at_once)
        weights = weakref.ref(model.parts["transformer"])
        del model
        assert weights() is None
    finally:
        gc.enable()


def stop_at_once(*_: Any) -> None:
    raise Halt


def test_no_numbers_are_told_and_not_decoded(
    stock_folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = ModelRef("broken", str(stock_folder("lumina2")))
    model = load_stock(ref, torch.device("cpu"), torch.float32)
    for weight in model.parts["transformer"].parameters():
        weight.fill_(float("nan"))
    seen = Seen(model, monkeypatch)
    with pytest.raises(Refused, match="no numbers with sampler 'euler'"):
        drawn(a_stock_work(model), model)
    assert seen.decoded == []


def test_packing_is_undone() -> None:
    latents = torch.arange(2 * 3 * 4 * 6, dtype=torch.float32).reshape(2, 3, 4, 6)
    assert torch.equal(unpacked(packed(latents), 2), latents)
    theirs = diffusers.QwenImagePipeline._pack_latents(latents, 2, 3, 4, 6)
    assert torch.equal(packed(latents), theirs)
