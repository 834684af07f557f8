"""ControlNets in the step loop: alone the stock pipelines' latents, among strangers the same pictures."""

import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    ControlNetModel,
    ControlNetUnionModel,
    StableDiffusionControlNetImg2ImgPipeline,
    StableDiffusionControlNetPipeline,
    StableDiffusionXLControlNetPipeline,
    StableDiffusionXLControlNetUnionPipeline,
    UNet2DConditionModel,
)
from msgspec import structs
from PIL import Image as Picture
from safetensors.torch import save_file

from backends.contract import Control, Failed, Work
from backends.diffusers_local import steps
from backends.diffusers_local.features.canny import canny
from backends.diffusers_local.loading import controlnets
from backends.diffusers_local.loading.controlnets import ControlPart, load_controlnet
from backends.diffusers_local.loading.gather import Kit
from backends.diffusers_local.loading.model import Model, load_model
from backends.diffusers_local.loading.single_file import CONFIGS
from backends.diffusers_local.loading.weights import ModelTrouble
from backends.diffusers_local.loop.batching import BatchSize
from backends.diffusers_local.pictures.pictures import encode
from backends.diffusers_local.prepare import Refused, prepare
from backends.diffusers_local.row import Row
from tests.backends.diffusers_local.conftest import Studio, a_work, ref_of, scheduler_of
from tests.backends.diffusers_local.originals import original_unet_name
from tests.backends.diffusers_local.xl import build_xl


def build_control(unet: Any, seed: int) -> ControlNetModel:
    """A random ControlNet of this UNet, whose last layers are not nothing as in a fresh one."""
    torch.manual_seed(seed)
    made = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(4, 8, 8, 8))
    with torch.no_grad():
        for name, tensor in made.named_parameters():
            if name.startswith(("controlnet_down_blocks", "controlnet_mid_block", "controlnet_cond")):
                tensor.normal_(0, 0.2)
    return made.eval()


@pytest.fixture(scope="module")
def nets(model: Model, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    home = tmp_path_factory.mktemp("controls")
    for number in range(2):
        build_control(model.parts["unet"], number + 5).save_pretrained(home / f"net{number}")
    return [home / "net0", home / "net1"]


@pytest.fixture(scope="module")
def xl_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "xl"
    build_xl().save_pretrained(path)
    return path


def noise_picture(seed: int = 1, size: tuple[int, int] = (64, 64)) -> Picture.Image:
    return Picture.fromarray(
        np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    )


def follow(path: Path, seed: int = 1, **given: Any) -> Control:
    return Control(ref_of(path), encode(noise_picture(seed), "PNG", 100), **given)


def load(path: Path) -> ControlPart:
    return load_controlnet(ref_of(path), torch.device("cpu"), torch.float32)


def walk(work: Work, model: Model) -> Row:
    kit = Kit(model, controls=tuple(load(Path(control.model.path)) for control in work.controls))
    with torch.inference_mode():
        row = prepare(work, kit)
        while not row.finished:
            (prediction,) = steps.predict([row])
            steps.advance(row, prediction)
    return row


def stock(kind: Any, model: Model, work: Work, **more: Any) -> torch.Tensor:
    nets = [load(Path(control.model.path)).network for control in work.controls]
    extra: dict[str, Any] = {"safety_checker": None, "requires_safety_checker": False}
    if "text_encoder_2" in model.parts:
        extra = {"add_watermarker": False}
    pipeline = kind(
        **model.parts,
        controlnet=nets if len(nets) > 1 else nets[0],
        scheduler=scheduler_of(model, work.sampler, work.scheduler),
        feature_extractor=None,
        **extra,
    )
    pipeline.set_progress_bar_config(disable=True)
    alone = len(nets) == 1

    def each(values: list[Any]) -> Any:
        return values[0] if alone else values

    drawn: torch.Tensor = pipeline(
        work.prompt,
        num_inference_steps=work.steps,
        guidance_scale=work.cfg_scale,
        generator=torch.Generator("cpu").manual_seed(work.seed),
        controlnet_conditioning_scale=each([control.strength for control in work.controls]),
        control_guidance_start=each([control.start for control in work.controls]),
        control_guidance_end=each([control.end for control in work.controls]),
        output_type="latent",
        **more,
    ).images
    assert torch.isfinite(drawn).all()
    return drawn


class TestAlone:
    @pytest.mark.parametrize(
        ("sampler", "schedule"), [("euler", "normal"), ("dpmpp_2m", "karras"), ("euler_ancestral", "normal")]
    )
    @pytest.mark.parametrize("cfg", [5.0, 1.0])
    def test_one_is_the_stock_pipelines(
        self, folder: Path, model: Model, nets: list[Path], sampler: str, schedule: str, cfg: float
    ) -> None:
        work = a_work(
            folder,
            sampler=sampler,
            scheduler=schedule,
            cfg_scale=cfg,
            steps=5,
            controls=(follow(nets[0], strength=0.8),),
        )
        expected = stock(StableDiffusionControlNetPipeline, model, work, image=noise_picture())
        drawn = walk(work, model).latents
        assert torch.equal(drawn, expected)
        assert not torch.allclose(drawn, walk(structs.replace(work, controls=()), model).latents, atol=1e-2)

    def test_two_with_times_of_their_own(self, folder: Path, model: Model, nets: list[Path]) -> None:
        work = a_work(
            folder,
            steps=6,
            controls=(
                follow(nets[0], strength=0.5, end=0.5),
                follow(nets[1], 2, strength=1.2, start=0.2),
            ),
        )
        pictures = [noise_picture(1), noise_picture(2)]
        expected = stock(StableDiffusionControlNetPipeline, model, work, image=pictures)
        assert torch.equal(walk(work, model).latents, expected)

    def test_over_an_initial_picture(self, folder: Path, model: Model, nets: list[Path]) -> None:
        start = noise_picture(7)
        work = a_work(
            folder,
            steps=6,
            strength=0.7,
            init_image=encode(start, "PNG", 100),
            controls=(follow(nets[0]),),
        )
        expected = stock(
            StableDiffusionControlNetImg2ImgPipeline,
            model,
            work,
            image=start,
            control_image=noise_picture(),
            strength=0.7,
        )
        assert torch.equal(walk(work, model).latents, expected)

    @pytest.mark.parametrize("cfg", [5.0, 1.0])
    def test_xl(self, xl_folder: Path, tmp_path: Path, cfg: float) -> None:
        model = load_model(ref_of(xl_folder), torch.device("cpu"), torch.float32)
        build_control(model.parts["unet"], 3).save_pretrained(tmp_path / "net")
        work = a_work(xl_folder, cfg_scale=cfg, controls=(follow(tmp_path / "net", strength=0.7),))
        expected = stock(StableDiffusionXLControlNetPipeline, model, work, image=noise_picture())
        assert torch.equal(walk(work, model).latents, expected)

    def test_a_picture_of_another_size_is_scaled(self, folder: Path, model: Model, nets: list[Path]) -> None:
        large = Control(ref_of(nets[0]), encode(noise_picture(1, (200, 100)), "PNG", 100))
        with torch.inference_mode():
            row = prepare(a_work(folder, controls=(large,)), Kit(model, controls=(load(nets[0]),)))
        assert row.conditions["control0"].shape == (2, 3, 64, 64)


def test_strangers_share_the_forward(
    folder: Path, nets: list[Path], studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BatchSize, "wanted", lambda self, available, *rest: available)
    counts: list[int] = []
    predict = steps.predict
    monkeypatch.setattr(steps, "predict", lambda rows: counts.append(len(rows)) or predict(rows))
    kinds: list[dict[str, Any]] = [
        {"steps": 7, "controls": (follow(nets[0], 1),)},
        {"steps": 5, "controls": (follow(nets[0], 2, strength=0.4, end=0.5),), "cfg_scale": 1.0},
        {"steps": 6, "controls": (follow(nets[0], 3, start=0.3),), "sampler": "dpmpp_2m"},
        {"steps": 6},
    ]
    together = [a_work(folder, n, **kind) for n, kind in enumerate(kinds)]
    alone = [a_work(folder, n + 10, seed=n + 100, deterministic=True, **k) for n, k in enumerate(kinds)]
    shared = studio.draw(*together)
    assert max(counts) == 3
    for picture, solo in zip(shared, studio.draw(*alone), strict=True):
        difference = np.asarray(picture).astype(int) - np.asarray(solo).astype(int)
        assert abs(difference).max() <= 1


@pytest.fixture(scope="module")
def xl(xl_folder: Path) -> Model:
    return load_model(ref_of(xl_folder), torch.device("cpu"), torch.float32)


@pytest.fixture(scope="module")
def union(xl_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    unet = load_model(ref_of(xl_folder), torch.device("cpu"), torch.float32).parts["unet"]
    known = inspect.signature(ControlNetUnionModel.__init__).parameters
    config = {name: value for name, value in unet.config.items() if name in known}
    torch.manual_seed(9)
    made = ControlNetUnionModel(
        **config,
        conditioning_embedding_out_channels=(4, 8, 8, 8),
        num_control_type=6,
        num_trans_channel=16,
        num_trans_head=2,
        num_proj_channel=16,
    )
    with torch.no_grad():
        for name, tensor in made.named_parameters():
            if name.startswith(("controlnet_", "spatial_ch_projs")):
                tensor.normal_(0, 0.2)
    path = tmp_path_factory.mktemp("unions") / "union"
    made.save_pretrained(path)
    return path


class TestUnion:
    """ControlNets for many kinds of picture."""

    @pytest.mark.parametrize("cfg", [5.0, 1.0])
    @pytest.mark.parametrize(("kind", "number"), [("depth", 1), ("scribble", 2)])
    def test_it_is_the_stock_pipelines(
        self, xl_folder: Path, xl: Model, union: Path, cfg: float, kind: str, number: int
    ) -> None:
        work = a_work(
            xl_folder,
            cfg_scale=cfg,
            controls=(follow(union, strength=0.6, end=0.8),),
            extra={"controlnetuniontype": kind},
        )
        pipeline = StableDiffusionXLControlNetUnionPipeline(
            **xl.parts,
            controlnet=load(union).network,
            scheduler=scheduler_of(xl, work.sampler, work.scheduler),
            add_watermarker=False,
        )
        pipeline.set_progress_bar_config(disable=True)
        expected = pipeline(
            work.prompt,
            control_image=[noise_picture()],
            control_mode=[number],
            num_inference_steps=work.steps,
            guidance_scale=cfg,
            controlnet_conditioning_scale=0.6,
            control_guidance_end=0.8,
            generator=torch.Generator("cpu").manual_seed(work.seed),
            output_type="latent",
        ).images
        assert torch.equal(walk(work, xl).latents, expected)

    def test_strangers_share_the_forward_and_see_nothing_of_each_other(
        self, xl_folder: Path, union: Path, studio: Studio, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(BatchSize, "wanted", lambda self, available, *rest: available)
        counts: list[int] = []
        predict = steps.predict
        monkeypatch.setattr(steps, "predict", lambda rows: counts.append(len(rows)) or predict(rows))
        kinds = (("depth", 5.0), ("normal", 1.0), ("canny", 3.0))
        given: list[dict[str, Any]] = [
            {
                "controls": (follow(union, number),),
                "cfg_scale": cfg,
                "extra": {"controlnetuniontype": kind},
                "seed": number,
            }
            for number, (kind, cfg) in enumerate(kinds)
        ]
        together = [a_work(xl_folder, n, **one) for n, one in enumerate(given)]
        alone = [a_work(xl_folder, n + 10, deterministic=True, **one) for n, one in enumerate(given)]
        shared = studio.draw(*together)
        assert max(counts) == 3
        for picture, solo in zip(shared, studio.draw(*alone), strict=True):
            assert abs(np.asarray(picture).astype(int) - np.asarray(solo).astype(int)).max() <= 1

    def test_the_kind_must_be_told(self, xl_folder: Path, xl: Model, union: Path) -> None:
        work = a_work(xl_folder, controls=(follow(union),))
        with pytest.raises(Refused, match="controlnetuniontype is 'auto': tell the ControlNet 'union'"):
            walk(work, xl)
        with pytest.raises(Refused, match="is 'tile'"):  # this one has six kinds, and that is the seventh
            walk(structs.replace(work, extra={"controlnetuniontype": "tile"}), xl)
        edges = structs.replace(work, extra={"controlnetpreprocessor": "Canny"})
        assert walk(edges, xl).controls[0].kind == 3


class TestFiles:
    def test_one_file_in_diffusers_names(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        unet = self._configs(tmp_path, monkeypatch)
        made = build_control(unet, 4)
        save_file({k: v.contiguous() for k, v in made.state_dict().items()}, tmp_path / "net.safetensors")
        loaded = load(tmp_path / "net.safetensors").network.state_dict()
        assert all(torch.equal(loaded[name], value) for name, value in made.state_dict().items())

    def test_one_file_in_the_originals_names(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        unet = self._configs(tmp_path, monkeypatch)
        torch.manual_seed(4)
        made = ControlNetModel.from_unet(unet)
        tensors = {_original(name): value.contiguous() for name, value in made.state_dict().items()}
        save_file(tensors, tmp_path / "net.safetensors")
        loaded = load(tmp_path / "net.safetensors").network.state_dict()
        for name, value in made.state_dict().items():
            assert torch.equal(loaded[name], value), name

    def _configs(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
        """Small configurations in place of the shipped ones, and a UNet of the first."""
        config = json.loads((CONFIGS / "sd1" / "unet" / "config.json").read_text())
        config |= {"block_out_channels": [8, 8, 16, 16], "norm_num_groups": 4, "attention_head_dim": 2}
        config |= {"cross_attention_dim": 24, "addition_time_embed_dim": 8}
        (home / "sd1" / "unet").mkdir(parents=True)
        (home / "sd1" / "unet" / "config.json").write_text(json.dumps(config))
        monkeypatch.setattr(controlnets, "CONFIGS", home)
        monkeypatch.setattr(controlnets, "_BASES", ("sd1",))
        return UNet2DConditionModel.from_config(config)

    def test_a_union_in_one_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        unet = self._configs(tmp_path, monkeypatch)
        known = inspect.signature(ControlNetUnionModel.__init__).parameters
        config = {name: value for name, value in unet.config.items() if name in known}
        config |= {"conditioning_embedding_out_channels": (4, 4, 8, 8), "num_control_type": 8}
        config |= {"num_trans_channel": 8, "num_proj_channel": 8}
        torch.manual_seed(4)
        made = ControlNetUnionModel(**config)
        save_file({k: v.contiguous() for k, v in made.state_dict().items()}, tmp_path / "net.safetensors")
        part = load(tmp_path / "net.safetensors")
        loaded = part.network.state_dict()
        assert part.kinds == 8
        assert all(torch.equal(loaded[name], value) for name, value in made.state_dict().items())

    def test_half_a_file_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        made = build_control(self._configs(tmp_path, monkeypatch), 4).state_dict()
        del made["controlnet_mid_block.bias"]
        save_file({k: v.contiguous() for k, v in made.items()}, tmp_path / "net.safetensors")
        with pytest.raises(ModelTrouble, match=r"1 are missing.*controlnet_mid_block.bias"):
            load(tmp_path / "net.safetensors")

    @pytest.mark.parametrize(
        ("name", "word"),
        [
            ("lora_controlnet", "a Control-LoRA"),
            ("controlnet_x_embedder.weight", "a ControlNet of a flow model"),
            ("something.weight", "is no ControlNet"),
        ],
    )
    def test_other_kinds_are_named(self, tmp_path: Path, name: str, word: str) -> None:
        save_file({name: torch.zeros(2, 2)}, tmp_path / "net.safetensors")
        with pytest.raises(ModelTrouble, match=word):
            load(tmp_path / "net.safetensors")

    def test_a_folder_of_another_kind(self, nets: list[Path], tmp_path: Path) -> None:
        (tmp_path / "net").mkdir()
        (tmp_path / "net" / "config.json").write_text('{"_class_name": "FluxControlNetModel"}')
        with pytest.raises(ModelTrouble, match="is a FluxControlNetModel"):
            load(tmp_path / "net")
        with pytest.raises(ModelTrouble, match="no longer there"):
            load(tmp_path / "gone")


def _original(key: str) -> str:
    """A diffusers name of a ControlNet in the first publication's words."""
    head, _, rest = key.partition(".")
    if head == "controlnet_mid_block":
        return f"control_model.middle_block_out.0.{rest}"
    if head == "controlnet_down_blocks":
        number, _, rest = rest.partition(".")
        return f"control_model.zero_convs.{number}.0.{rest}"
    if head == "controlnet_cond_embedding":
        part, _, rest = rest.partition(".")
        if part == "blocks":
            number, _, rest = rest.partition(".")
            return f"control_model.input_hint_block.{2 + 2 * int(number)}.{rest}"
        return f"control_model.input_hint_block.{0 if part == 'conv_in' else 14}.{rest}"
    return original_unet_name(key).replace("model.diffusion_model.", "control_model.")


class TestRefusals:
    def test_one_of_another_family(self, folder: Path, model: Model, tmp_path: Path) -> None:
        build_control(build_xl().unet, 1).save_pretrained(tmp_path / "net")
        work = a_work(folder, controls=(follow(tmp_path / "net"),))
        with pytest.raises(Refused, match="'net' is made for another family than the model 'small'"):
            walk(work, model)

    def test_one_whose_cells_are_of_another_size(self, folder: Path, model: Model, tmp_path: Path) -> None:
        made = ControlNetModel.from_unet(
            model.parts["unet"], conditioning_embedding_out_channels=(4, 4, 8, 8, 8)
        )
        made.save_pretrained(tmp_path / "net")
        with pytest.raises(Refused, match="one cell of 16 pixels of its picture, and the model 'small' of 8"):
            walk(a_work(folder, controls=(follow(tmp_path / "net"),)), model)

    def test_one_without_a_picture(self, folder: Path, model: Model, nets: list[Path]) -> None:
        work = a_work(folder, controls=(Control(ref_of(nets[0])),))
        with pytest.raises(Refused, match="needs a picture to follow"):
            walk(work, model)

    def test_an_unknown_preprocessor(self, folder: Path, model: Model, nets: list[Path]) -> None:
        work = a_work(folder, controls=(follow(nets[0]),), extra={"controlnetpreprocessor": "Depth"})
        with pytest.raises(Refused, match="controlnetpreprocessor is 'Depth'"):
            walk(work, model)

    def test_a_missing_one_fails_its_work_only(self, folder: Path, studio: Studio, tmp_path: Path) -> None:
        bad, good = a_work(folder, 1, controls=(follow(tmp_path / "gone"),)), a_work(folder, 2)
        studio.submit(bad, good)
        studio.finish(bad, good)
        assert "no longer there" in studio.of(Failed, bad.id)[0].reason
        assert studio.picture(good).size == (64, 64)


class TestCanny:
    def test_it_finds_the_outline_of_a_shape(self) -> None:
        picture = Picture.new("RGB", (64, 64), (20, 20, 20))
        picture.paste((220, 220, 220), (16, 16, 48, 48))
        edges = np.asarray(canny(picture).convert("L")) > 0
        assert edges[16:48, 14:18].any(axis=1).all()
        assert not edges[20:44, 20:44].any()
        assert not edges[:12].any()
        assert edges.mean() < 0.06  # lines, not areas

    def test_it_is_used_when_asked_for(self, folder: Path, model: Model, nets: list[Path]) -> None:
        work = a_work(folder, controls=(follow(nets[0]),), extra={"controlnetpreprocessor": "Canny"})
        with torch.inference_mode():
            row = prepare(work, Kit(model, controls=(load(nets[0]),)))
        assert set(row.conditions["control0"].unique().tolist()) == {0.0, 1.0}
