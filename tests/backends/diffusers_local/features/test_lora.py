"""LoRAs in the step loop: alone the stock latents, beside strangers nobody else's."""

import gc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline, UNet2DConditionModel
from peft.tuners.tuners_utils import BaseTunerLayer

from backends.contract import Failed, Work
from backends.diffusers_local import steps
from backends.diffusers_local.features.lora import load_lora
from backends.diffusers_local.loading.gather import gather, needs
from backends.diffusers_local.loading.model import Model
from backends.diffusers_local.loading.shelf import Shelf
from backends.diffusers_local.loading.weights import ModelTrouble
from backends.diffusers_local.prepare import Refused, check, prepare
from backends.diffusers_local.row import Row
from tests.backends.diffusers_local.conftest import Studio, a_work, build_pipeline, scheduler_of
from tests.backends.diffusers_local.loras import changes, dora, kohya, lora, peft, write
from tests.backends.diffusers_local.originals import original_unet_name
from tests.backends.diffusers_local.xl import build_xl

BOTH = ("unet", "text_encoder")
CPU, FULL = torch.device("cpu"), torch.float32


@pytest.fixture(scope="module")
def xl_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "xl"
    build_xl().save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """LoRAs of every form for the small models."""
    folder = tmp_path_factory.mktemp("loras")
    small, large = build_pipeline(), build_xl()
    everywhere = (*BOTH, "text_encoder_2")
    forms = {
        "kohya": kohya(changes(small, BOTH)),
        "locon": kohya(changes(small, BOTH, seed=2, convolutions=True)),
        "half": {n: t.half() for n, t in kohya(changes(small, BOTH, seed=3, rank=2)).items()},
        "peft": peft(changes(small, BOTH, seed=4)),
        "dora": dora(changes(small, ("unet",), seed=14), small),
        "unet": kohya(changes(small, ("unet",), seed=5)),
        "text": kohya(changes(small, ("text_encoder",), seed=6)),
        "xl": kohya(changes(large, everywhere, seed=7)),
        "xl_peft": peft(changes(large, everywhere, seed=8)),
    }
    return {name: write(folder / f"{name}.safetensors", tensors) for name, tensors in forms.items()}


@pytest.fixture
def shelf() -> Shelf:
    return Shelf(CPU, FULL, 1 << 30)


def begin(work: Work, shelf: Shelf) -> Row:
    with torch.inference_mode():
        for need in needs(work):
            if shelf.find(need.kind, need.ref, need.over) is None:
                shelf.load(need.kind, need.ref, {need.ref.path}, need.over)
        return prepare(work, gather(work, shelf))


def walk(work: Work, shelf: Shelf) -> torch.Tensor:
    row = begin(work, shelf)
    with torch.inference_mode():
        while not row.finished:
            (prediction,) = steps.predict([row])
            steps.advance(row, prediction)
    return row.latents


def stock(kind: Any, work: Work, model: Model) -> torch.Tensor:
    """The stock pipeline's latents, loaded from the same folder, with the same LoRAs and weights."""
    pipeline = kind.from_pretrained(work.model.path, safety_checker=None, dtype=FULL)
    pipeline.scheduler = scheduler_of(model, work.sampler, work.scheduler)
    pipeline.set_progress_bar_config(disable=True)
    names = [f"a{number}" for number in range(len(work.loras))]
    for name, one in zip(names, work.loras, strict=True):
        pipeline.load_lora_weights(one.model.path, adapter_name=name)
    weights = [
        {
            part: one.text_weight if part.startswith("text") else one.weight
            for part, adapters in pipeline.get_list_adapters().items()
            if name in adapters
        }
        for name, one in zip(names, work.loras, strict=True)
    ]
    if names:
        pipeline.set_adapters(names, weights)
    latents: torch.Tensor = pipeline(
        prompt=work.prompt,
        negative_prompt=work.negative_prompt,
        width=work.width,
        height=work.height,
        num_inference_steps=work.steps,
        guidance_scale=work.cfg_scale,
        generator=torch.Generator("cpu").manual_seed(work.seed),
        output_type="latent",
    ).images
    return latents


@pytest.mark.parametrize(
    ("names", "weights"),
    [
        (("kohya",), ((1.0, 1.0),)),
        (("kohya",), ((0.6, 0.25),)),
        (("kohya",), ((-0.5, 0.0),)),
        (("locon",), ((0.8, 0.8),)),
        (("half",), ((1.3, 0.7),)),
        (("peft",), ((0.9, 0.4),)),
        (("unet", "text"), ((1.0, 1.0), (1.0, 0.5))),
        (("dora",), ((0.7, 1.0),)),
        (("kohya", "dora"), ((0.3, 0.2), (0.7, 1.0))),
        (("kohya", "locon", "peft"), ((0.3, 0.2), (0.5, 0.1), (-0.2, 0.6))),
        (("peft", "kohya"), ((0.5, 0.5), (0.25, 0.25))),
    ],
)
def test_alone_the_latents_are_the_stock_pipelines(
    folder: Path, files: dict[str, Path], shelf: Shelf, names: Any, weights: Any
) -> None:
    chosen = tuple(lora(files[name], *pair) for name, pair in zip(names, weights, strict=True))
    work = a_work(folder, loras=chosen, negative_prompt="blue", sampler="dpmpp_2m", scheduler="karras")
    ours = walk(work, shelf)
    assert torch.equal(ours, stock(StableDiffusionPipeline, work, shelf.held("model", work.model)))
    assert not torch.equal(ours, walk(a_work(folder, negative_prompt="blue", sampler="dpmpp_2m"), shelf))


@pytest.mark.parametrize("name", ["xl", "xl_peft"])
def test_with_two_text_encoders(xl_folder: Path, files: dict[str, Path], shelf: Shelf, name: str) -> None:
    work = a_work(xl_folder, loras=(lora(files[name], 0.7, 0.3),), negative_prompt="blue")
    ours = walk(work, shelf)
    assert torch.equal(ours, stock(StableDiffusionXLPipeline, work, shelf.held("model", work.model)))


def test_in_the_names_of_the_first_publication(tmp_path: Path, shelf: Shelf) -> None:
    """Most of Stable Diffusion XL's LoRAs count the blocks as its first publication does."""
    pipeline = build_xl()
    torch.manual_seed(1)
    pipeline.unet = UNet2DConditionModel.from_config(
        dict(pipeline.unet.config)
        | {
            "block_out_channels": (8, 8, 16),
            "layers_per_block": 2,
            "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            "transformer_layers_per_block": (1, 1, 2),
            "attention_head_dim": 2,
            "norm_num_groups": 4,
        }
    ).eval()
    pipeline.save_pretrained(tmp_path / "xl")
    tensors: dict[str, torch.Tensor] = {}
    for name, (down, up) in changes(pipeline, ("unet",))["unet"].items():
        original = original_unet_name(f"{name}.weight", "").removesuffix(".weight")
        key = original.replace("model.diffusion_model.", "lora_unet_").replace(".", "_")
        tensors |= {f"{key}.lora_down.weight": down, f"{key}.lora_up.weight": up}
    assert any("input_blocks_4_1" in name for name in tensors)
    path = write(tmp_path / "sgm.safetensors", tensors)
    work = a_work(tmp_path / "xl", loras=(lora(path, 0.6),), negative_prompt="blue")
    ours = walk(work, shelf)
    assert torch.equal(ours, stock(StableDiffusionXLPipeline, work, shelf.held("model", work.model)))
    assert not torch.equal(ours, walk(a_work(tmp_path / "xl", negative_prompt="blue"), shelf))


@pytest.mark.parametrize("weights", [(float("nan"), 1.0), (1.0, float("inf"))])
def test_weights_are_finite(folder: Path, files: dict[str, Path], weights: tuple[float, float]) -> None:
    with pytest.raises(Refused, match="LoRA 'kohya' must be finite"):
        check(a_work(folder, loras=(lora(files["kohya"], *weights),)))


def test_without_a_lora_nothing_of_one_is_left(folder: Path, files: dict[str, Path], shelf: Shelf) -> None:
    plain = a_work(folder, 1)
    before = walk(plain, shelf)
    model: Model = shelf.held("model", plain.model)
    numbers = {n: {k: v.clone() for k, v in model.parts[n].state_dict().items()} for n in BOTH}
    dressed = a_work(folder, 1, loras=(lora(files["kohya"]), lora(files["locon"], 0.4)))
    assert not torch.equal(walk(dressed, shelf), before)
    assert torch.equal(walk(plain, shelf), before)
    assert not any(isinstance(m, BaseTunerLayer) for n in BOTH for m in model.parts[n].modules())
    for name in BOTH:
        for key, value in model.parts[name].state_dict().items():
            assert torch.equal(value, numbers[name][key])


def test_sets_change_between_two_steps_and_never_mix(
    folder: Path, files: dict[str, Path], shelf: Shelf
) -> None:
    works = [
        a_work(folder, 1),
        a_work(folder, 1, loras=(lora(files["kohya"]),)),
        a_work(folder, 1, loras=(lora(files["kohya"], 0.5, 1.0),)),
        a_work(folder, 1, loras=(lora(files["locon"]), lora(files["kohya"], 0.5))),
        a_work(folder, 1, loras=(lora(files["kohya"], 0.5), lora(files["locon"]))),
    ]
    alone = [walk(work, Shelf(CPU, FULL, 1 << 30)) for work in works]
    rows = [begin(work, shelf) for work in works]
    assert len({row.key for row in rows}) == len(rows)
    with torch.inference_mode():
        while not rows[0].finished:
            for row in rows:
                (prediction,) = steps.predict([row])
                steps.advance(row, prediction)
    for row, expected in zip(rows, alone, strict=True):
        assert torch.equal(row.latents, expected)


def test_prompts_are_remembered_by_what_they_were_read_under(
    folder: Path, files: dict[str, Path], shelf: Shelf
) -> None:
    plain = begin(a_work(folder, 1), shelf).states
    under = [begin(a_work(folder, 1, loras=(lora(files["text"], 1, w),)), shelf).states for w in (0.5, 1.0)]
    assert not torch.equal(plain, under[0])
    assert not torch.equal(under[0], under[1])
    assert torch.equal(begin(a_work(folder, 1), shelf).states, plain)
    assert torch.equal(begin(a_work(folder, 1, loras=(lora(files["text"], 1, 0),)), shelf).states, plain)
    # of the text encoders only: the denoiser is as without, so such rows share its forward
    keys = {begin(a_work(folder, 1, loras=(lora(files["text"], 1, w),)), shelf).key for w in (0.0, 1.0)}
    assert keys == {begin(a_work(folder, 1), shelf).key}


def test_strangers_with_and_without_loras_beside_each_other(
    folder: Path, files: dict[str, Path], studio: Studio
) -> None:
    loras = [(), (lora(files["kohya"]),), (lora(files["locon"], 0.5),), ()]
    works = [a_work(folder, n, loras=chosen, steps=6) for n, chosen in enumerate(loras)]
    together = studio.draw(*works)
    for work, picture in zip(works, together, strict=True):
        (alone,) = drawn_alone(work)
        apart = np.abs(np.asarray(picture).astype(int) - np.asarray(alone).astype(int))
        assert apart.max() <= 1


def drawn_alone(work: Work) -> list[Any]:
    alone = Studio()
    try:
        return alone.draw(work)
    finally:
        alone.loop._press.close()


def test_the_same_lora_twice_has_both_weights(folder: Path, files: dict[str, Path], shelf: Shelf) -> None:
    one = walk(a_work(folder, loras=(lora(files["kohya"], 0.75, 0.5),)), shelf)
    two = walk(a_work(folder, loras=(lora(files["kohya"], 0.5, 0.5), lora(files["kohya"], 0.25, 0))), shelf)
    assert torch.equal(one, two)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("xl", "does not fit this Stable Diffusion 1 and 2"),
        ("checkpoint", "no LoRA but a whole checkpoint"),
        ("loha", "LoHa"),
        ("dora", "DoRA"),
        ("nothing", "none of its 1 tensors"),
        ("foreign", "does not fit"),
        ("partly", "does not fit"),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_no_trace(
    folder: Path, files: dict[str, Path], shelf: Shelf, tmp_path: Path, kind: str, words: str
) -> None:
    plain = a_work(folder, 1)
    before = walk(plain, shelf)
    model: Model = shelf.held("model", plain.model)
    made = changes(build_pipeline(), BOTH, seed=9)
    some = torch.zeros(2, 2)
    nowhere = {f"unet.nowhere.lora_{kind}.weight": torch.zeros(2, 2) for kind in "AB"}
    contents = {
        "checkpoint": {"model.diffusion_model.input_blocks.0.0.weight": some},
        "loha": {"lora_unet_x.hada_w1_a": some},
        "dora": kohya(made) | {"lora_unet_x.dora_scale": some},
        "nothing": {"weight": some},
        "foreign": nowhere,
        "partly": peft(made) | nowhere,
    }
    path = files["xl"] if kind == "xl" else write(tmp_path / f"{kind}.safetensors", contents[kind])
    with pytest.raises(ModelTrouble, match=words) as caught:
        walk(a_work(folder, 1, loras=(lora(files["kohya"]), lora(path))), shelf)
    assert repr(path.stem) in str(caught.value)
    assert not any(isinstance(m, BaseTunerLayer) for n in BOTH for m in model.parts[n].modules())
    assert torch.equal(walk(plain, shelf), before)
    dressed = a_work(folder, 1, loras=(lora(files["kohya"]),))
    assert torch.equal(walk(dressed, shelf), walk(dressed, Shelf(CPU, FULL, 1 << 30)))


def test_the_header_of_a_misfit_says_what_it_was_made_for(folder: Path, shelf: Shelf, tmp_path: Path) -> None:
    tensors = kohya(changes(build_xl(), ("unet",)))
    path = write(tmp_path / "big.safetensors", tensors, {"ss_base_model_version": "sdxl_base_v1-0"})
    with pytest.raises(ModelTrouble, match="made for sdxl_base_v1-0"):
        walk(a_work(folder, loras=(lora(path),)), shelf)


def test_a_work_with_a_wrong_lora_fails_alone(folder: Path, files: dict[str, Path], studio: Studio) -> None:
    wrong, right = a_work(folder, 1, loras=(lora(files["xl"]),)), a_work(folder, 2)
    studio.submit(wrong, right)
    studio.finish(wrong, right)
    (failed,) = studio.of(Failed)
    assert failed.id == wrong.id
    assert "'xl'" in failed.reason
    assert studio.picture(right)


def test_a_lora_counts_and_leaves_with_its_last_user(
    folder: Path, files: dict[str, Path], shelf: Shelf
) -> None:
    work = a_work(folder, loras=(lora(files["kohya"]),))
    row = begin(work, shelf)
    model: Model = shelf.held("model", work.model)
    part = shelf.held("lora", work.loras[0].model)
    assert part.size == sum(t.numel() * 4 for n, t in part.tensors().items() if not n.endswith("alpha"))
    assert shelf.size == model.size + part.size
    key = part.key
    del part
    shelf.free({work.model.path})  # the row still draws with it
    shelf.sweep()
    assert key in model.layers
    with torch.inference_mode():
        assert torch.isfinite(steps.predict([row])[0].said).all()
    del row
    shelf.free({work.model.path})
    shelf.sweep()
    assert key not in model.layers
    assert not any(layers._places for layers in model.layers._layers.values())
    assert not hasattr(model.parts["unet"], "peft_config")
    assert shelf.size == model.size


def test_a_changed_file_is_another_lora(folder: Path, shelf: Shelf, tmp_path: Path) -> None:
    path = tmp_path / "changing.safetensors"
    small = build_pipeline()
    write(path, kohya(changes(small, BOTH, seed=11)))
    work = a_work(folder, loras=(lora(path),))
    first = walk(work, shelf)
    write(path, kohya(changes(small, BOTH, seed=12, rank=8)))
    assert shelf.find("lora", work.loras[0].model) is None
    second = walk(work, shelf)
    assert not torch.equal(first, second)
    gc.collect()
    model: Model = shelf.held("model", work.model)
    model.sweep()
    (place, *_) = model.layers._layers["unet"]._places.values()
    assert len(place.adapters()) == 1


def test_a_folder_with_one_file_is_a_lora(files: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    with pytest.raises(ModelTrouble, match="holds 0"):
        load_lora(lora(folder).model, CPU, FULL)
    (folder / "pytorch_lora_weights.safetensors").write_bytes(files["peft"].read_bytes())
    assert load_lora(lora(folder).model, CPU, FULL).tensors()
    with pytest.raises(ModelTrouble, match="no longer there"):
        load_lora(lora(tmp_path / "gone").model, CPU, FULL)
