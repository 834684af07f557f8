"""Single files of Stable Diffusion 3 and Flux: every number by the published names, and what lies near."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
import transformers
from diffusers.loaders.single_file_utils import (
    convert_flux_transformer_checkpoint_to_diffusers,
    convert_sd3_transformer_checkpoint_to_diffusers,
)
from msgspec.structs import replace
from safetensors.torch import save_file
from transformers import CLIPTextConfig, T5Config, T5TokenizerFast

from backends.diffusers_local.loading import flow_file, pieces, single_file
from backends.diffusers_local.loading.flow_file import recognise
from backends.diffusers_local.loading.model import Model, load_model
from backends.diffusers_local.loading.original_names import flux_origin, sd3_origin
from backends.diffusers_local.loading.weights import ModelTrouble, read_header
from tests.backends.diffusers_local.conftest import Studio, a_work, ref_of
from tests.backends.diffusers_local.flow import T5_WIDTH, build_flux, build_sd3
from tests.backends.diffusers_local.originals import original_vae_tensors, write_tokenizer
from tests.backends.diffusers_local.stock_flow import stock_pipeline

Tensors = dict[str, torch.Tensor]
CPU = torch.device("cpu")
WORDS = 49408
_SMALL_CLIP = {"intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
SMALL = {
    "sd3/text_encoder": _SMALL_CLIP | {"hidden_size": 16, "projection_dim": 16},
    "sd3/text_encoder_2": _SMALL_CLIP | {"hidden_size": 24, "projection_dim": 24},
    "flux/text_encoder": _SMALL_CLIP | {"hidden_size": 16, "projection_dim": 16},
    "flux/transformer": {"axes_dims_rope": [4, 6, 6]},
    **{
        part: {"d_model": T5_WIDTH, "d_kv": 16, "d_ff": 64, "num_layers": 1, "num_heads": 2, "vocab_size": 16}
        for part in ("sd3/text_encoder_3", "flux/text_encoder_2")
    },
    **{
        part: {"block_out_channels": [32, 32, 32, 32], "layers_per_block": 1}
        for part in ("sd3/vae", "flux/vae")
    },
}


@pytest.fixture(scope="module")
def configs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped configurations, made small."""
    home = Path(shutil.copytree(single_file.CONFIGS, tmp_path_factory.mktemp("home") / "configs"))
    for part, changes in SMALL.items():
        path = home / part / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return home


@pytest.fixture(autouse=True)
def _small(configs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(single_file, "CONFIGS", configs)


def original_transformer(state: Tensors, origin: Callable[[str], Any]) -> Tensors:
    """A diffusers transformer's tensors by the original's names."""
    made: dict[str, dict[str, torch.Tensor]] = {}
    for name, value in state.items():
        found = origin(name)
        made.setdefault(found.name, {})[found.rows] = value
    return {name: _joined(rows) for name, rows in made.items()}


def _joined(rows: dict[str, torch.Tensor]) -> torch.Tensor:
    if "swapped" in rows:
        return torch.cat(list(reversed(rows["swapped"].chunk(2)))).contiguous()
    return torch.cat([rows[key] for key in sorted(rows)]).contiguous()  # thirds, then "last"; or "all"


def encoders(folder: str) -> dict[str, Any]:
    """Random text encoders of the small configurations, by their names in the family."""
    torch.manual_seed(2)
    made = {}
    for part in ("text_encoder", "text_encoder_2", "text_encoder_3"):
        if (single_file.CONFIGS / folder / part).is_dir():
            config = pieces.config_of(folder, part)
            kind = getattr(transformers, config["architectures"][0])
            made[part] = kind((T5Config if "d_model" in config else CLIPTextConfig)(**config)).eval()
    return made


def published(part: str, module: Any) -> Tensors:
    """A text encoder's tensors as loose files have them."""
    state = module.state_dict()
    if "shared.weight" in state:
        return {name: value for name, value in state.items() if name != "encoder.embed_tokens.weight"}
    return {
        name if name.startswith(("text_model.", "text_projection.")) else f"text_model.{name}": value
        for name, value in state.items()
    }


def write_t5_tokenizer(folder: Path) -> None:
    words = ["<pad>", "</s>", "<unk>", "▁", "▁a", "▁red", "▁blue", "▁circle", *"abcdef"]
    T5TokenizerFast(vocab=[(word, -1.0) for word in words], extra_ids=0).save_pretrained(folder)


def save(path: Path, tensors: Tensors, prefix: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({prefix + name: value.clone().contiguous() for name, value in tensors.items()}, path)


LOOSE = {"text_encoder": "clip_l", "text_encoder_2": "clip_g", "text_encoder_3": "t5xxl_fp16"}


class Made:
    """A small model of one kind, as files in a folder."""

    def __init__(self, home: Path, kind: str) -> None:
        home.mkdir(parents=True)
        self.home, self.kind = home, kind
        self.config = "sd3" if kind == "sd3" else "flux"
        pipeline = build_sd3() if kind == "sd3" else build_flux(guided=kind == "dev")
        if kind == "sd3":
            pipeline.transformer = self._fitting(pipeline.transformer)
        self.transformer = pipeline.transformer
        config = pieces.config_of(self.config, "vae")
        self.vae = diffusers.AutoencoderKL.from_config(config).eval()
        self.encoders = encoders(self.config)
        origin = (lambda name: sd3_origin(name, 2)) if kind == "sd3" else flux_origin
        self.tensors = original_transformer(dict(self.transformer.state_dict()), origin)

    def _fitting(self, transformer: Any) -> Any:
        torch.manual_seed(3)
        return type(transformer).from_config(dict(transformer.config) | {"pooled_projection_dim": 40}).eval()

    def loose(self) -> dict[str, str]:
        return LOOSE | ({} if self.kind == "sd3" else {"text_encoder_2": "t5xxl_fp8_e4m3fn"})

    def all_in_one(self) -> Path:
        tensors = {f"model.diffusion_model.{name}": value for name, value in self.tensors.items()}
        names = {"clip_l": "clip_l", "clip_g": "clip_g"}
        for part, module in self.encoders.items():
            name = names.get(self.loose()[part], "t5xxl")
            tensors |= {
                f"text_encoders.{name}.transformer.{k}": v for k, v in published(part, module).items()
            }
        vae = original_vae_tensors(self.vae.state_dict())
        own = "first_stage_model." if self.kind == "sd3" else "vae."
        tensors |= {name.replace("first_stage_model.", own): value for name, value in vae.items()}
        save(self.home / "whole.safetensors", tensors)
        return self.home / "whole.safetensors"

    def alone(self, folder: str = "") -> Path:
        """The transformer by itself, everything else as loose files in `folder` beside it."""
        save(self.home / "alone.safetensors", self.tensors)
        for part, module in self.encoders.items():
            save(self.home / folder / f"{self.loose()[part]}.safetensors", published(part, module))
        vae = original_vae_tensors(self.vae.state_dict())
        bare = {name.removeprefix("first_stage_model."): value for name, value in vae.items()}
        save(self.home / folder / ("sd3_vae.safetensors" if self.kind == "sd3" else "ae.safetensors"), bare)
        return self.home / "alone.safetensors"

    def tokenizers(self) -> None:
        write_tokenizer(self.home)
        write_t5_tokenizer(self.home / ("tokenizer_3" if self.kind == "sd3" else "tokenizer_2"))


@pytest.fixture(params=["sd3", "dev", "schnell"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Made:
    built = Made(tmp_path / "home" / "models", request.param)
    built.tokenizers()
    return built


def load(path: Path, dtype: torch.dtype = torch.float32) -> Model:
    return load_model(ref_of(path), CPU, dtype)


def same(module: Any, other: Any) -> None:
    state = other.state_dict()
    assert set(module.state_dict()) == set(state)
    for name, value in module.state_dict().items():
        assert torch.equal(value, state[name]), name


@pytest.mark.parametrize("layout", ["whole", "beside", "in a folder"])
def test_every_number_arrives(made: Made, layout: str) -> None:
    path = (
        made.all_in_one() if layout == "whole" else made.alone("" if layout == "beside" else "text_encoders")
    )
    model = load(path)
    same(model.parts["transformer"], made.transformer)
    same(model.parts["vae"], made.vae)
    for part, module in made.encoders.items():
        if part == "text_encoder" and made.kind == "sd3":
            module.text_projection.weight = torch.nn.Parameter(torch.eye(16))
        same(model.parts[part], module)
    vae = pieces.config_of(made.config, "vae")
    assert model.vae.config.shift_factor == vae["shift_factor"]
    assert model.vae.config.scaling_factor == vae["scaling_factor"]
    shift = {"sd3": (3.0, False), "dev": (3.0, True), "schnell": (1.0, False)}[made.kind]
    schedules: Any = model.schedules
    config = schedules._config
    assert (config["shift"], config.get("use_dynamic_shifting", False)) == shift


def test_it_draws_what_its_parts_draw(made: Made, studio: Studio) -> None:
    work = a_work(made.all_in_one(), prompt="a red circle", steps=2, deterministic=True, cfg_scale=1.0)
    (picture,) = studio.draw(replace(work, scheduler="normal" if made.kind == "sd3" else "simple"))
    kind = diffusers.StableDiffusion3Pipeline if made.kind == "sd3" else diffusers.FluxPipeline
    name = "flux_schnell" if made.kind == "schnell" else made.config
    levels = diffusers.FlowMatchEulerDiscreteScheduler.from_config(pieces.config_of(name, "scheduler"))
    guidance = {} if made.kind == "dev" else {"guidance_scale": 1.0}
    (other,) = stock_pipeline(kind, load(Path(work.model.path)), levels)(
        prompt=work.prompt,
        num_inference_steps=2,
        width=64,
        height=64,
        max_sequence_length=512 if made.kind == "dev" else 256,
        generator=torch.Generator().manual_seed(work.seed),
        **guidance,
    ).images
    assert np.array_equal(np.asarray(picture), np.asarray(other))


def test_parts_are_taken_from_a_model_folder_near_it(made: Made) -> None:
    model = load(made.alone())
    kind = diffusers.StableDiffusion3Pipeline if made.kind == "sd3" else diffusers.FluxPipeline
    levels = diffusers.FlowMatchEulerDiscreteScheduler()
    kind(scheduler=levels, **model.parts).save_pretrained(made.home / "neighbour")
    path = made.home / "deeper" / "alone.safetensors"
    save(path, made.tensors)
    for file in made.home.glob("*.safetensors"):
        file.unlink()
    again = load(path)
    for part, module in model.parts.items():
        if isinstance(module, torch.nn.Module):
            same(again.parts[part], module)


def test_parts_lie_beside_the_folder_of_folders(tmp_path: Path) -> None:
    """As in a data folder: Stable-Diffusion/Flux/dev, with VAE, clip and a tokenizer beside the first."""
    built = Made(tmp_path / "data" / "models", "dev")
    built.tokenizers()
    built.alone("clip")
    for folder in ("tokenizer", "tokenizer_2"):
        shutil.move(built.home / folder, built.home / "clip" / folder)
    path = built.home / "Stable-Diffusion" / "Flux" / "dev.safetensors"
    path.parent.mkdir(parents=True)
    shutil.move(built.home / "alone.safetensors", path)
    same(load(path).parts["transformer"], built.transformer)


def test_sd3_without_t5_reads_clip_alone(tmp_path: Path, studio: Studio) -> None:
    built = Made(tmp_path / "home" / "models", "sd3")
    path = built.alone()
    write_tokenizer(built.home)
    (built.home / "t5xxl_fp16.safetensors").unlink()
    assert load(path).parts["text_encoder_3"] is None
    (picture,) = studio.draw(a_work(path, prompt="w1 w2", steps=2))
    assert picture.size == (64, 64)


def test_eight_bits_with_scales_are_read(tmp_path: Path) -> None:
    built = Made(tmp_path / "home" / "models", "dev")
    built.tokenizers()
    path = built.alone()
    name = "double_blocks.0.img_attn.proj.weight"
    whole = built.tensors[name]
    eight = (whole / 0.5).to(torch.float8_e4m3fn)
    packed = {name: eight, name.replace("weight", "scale_weight"): torch.tensor(0.5)}
    save(path, built.tensors | packed | {"scaled_fp8": torch.zeros(2).to(torch.float8_e4m3fn)})
    loaded = load(path).parts["transformer"].transformer_blocks[0].attn.to_out[0].weight
    assert torch.equal(loaded, eight.float() * 0.5)


def test_half_precision_is_the_wide_one(made: Made) -> None:
    model = load(made.all_in_one(), torch.float16)
    assert model.dtype == torch.bfloat16
    assert model.parts["transformer"].dtype == model.vae.dtype == torch.bfloat16


class TestNames:
    def test_sd3s_are_those_diffusers_converts(self) -> None:
        state = dict(build_sd3().transformer.state_dict())
        original = original_transformer(state, lambda name: sd3_origin(name, 2))
        converted = convert_sd3_transformer_checkpoint_to_diffusers(dict(original))
        assert set(converted) == set(state)
        assert all(torch.equal(converted[name], state[name]) for name in state)

    def test_fluxs_are_those_diffusers_converts(self) -> None:
        """Its converter knows only the real width: weights without numbers, biases and norms with them."""
        with torch.device("meta"):
            small = {"num_layers": 1, "num_single_layers": 1, "guidance_embeds": True}
            state = dict(diffusers.FluxTransformer2DModel(**small).state_dict())
        for name, value in state.items():
            if value.ndim == 1:
                state[name] = torch.randn(value.shape)
        original = original_transformer(state, flux_origin)
        converted = convert_flux_transformer_checkpoint_to_diffusers(dict(original))
        assert set(converted) == set(state)
        for name, value in state.items():
            assert converted[name].shape == value.shape, name
            assert value.is_meta or torch.equal(converted[name], value), name


class TestShipped:
    """What is shipped is the published models."""

    @pytest.fixture(autouse=True)
    def _small(self) -> None:
        """Not small here."""

    @pytest.mark.parametrize(
        ("kind", "folder", "shape", "million"),
        [
            ("SD3Transformer2DModel", "sd3", {}, 2028),
            (
                "SD3Transformer2DModel",
                "sd3",
                {
                    "num_layers": 38,
                    "num_attention_heads": 38,
                    "caption_projection_dim": 2432,
                    "qk_norm": "rms_norm",
                },
                8057,
            ),
            ("FluxTransformer2DModel", "flux", {}, 11901),
            ("FluxTransformer2DModel", "flux", {"guidance_embeds": False}, 11891),
        ],
    )
    def test_transformers(self, kind: str, folder: str, shape: dict[str, Any], million: int) -> None:
        config = pieces.config_of(folder, "transformer") | shape
        with torch.device("meta"):
            network = getattr(diffusers, kind).from_config(config)
        assert round(sum(p.numel() for p in network.parameters()) / 1e6) == million

    def test_text_encoders(self) -> None:
        with torch.device("meta"):
            made = encoders("sd3")
        million = {part: round(sum(p.numel() for p in made[part].parameters()) / 1e6) for part in made}
        assert million == {"text_encoder": 124, "text_encoder_2": 695, "text_encoder_3": 4762}


class TestRefusals:
    def test_what_is_missing_is_named_with_its_file(self, tmp_path: Path) -> None:
        built = Made(tmp_path / "home" / "models", "dev")
        built.tokenizers()
        path = built.alone()
        (built.home / "ae.safetensors").unlink()
        (built.home / "clip_l.safetensors").unlink()
        with pytest.raises(
            ModelTrouble, match=r"without the text encoder CLIP-L .*autoencoder \(ae\.safetensors\)"
        ):
            load(path)

    def test_no_t5_tokenizer(self, made: Made) -> None:
        path = made.alone()
        for folder in made.home.glob("tokenizer_?"):
            shutil.rmtree(folder)
        with pytest.raises(
            ModelTrouble, match=r"no T5 tokenizer\. Put the folder 'tokenizer_2' of any Flux model"
        ):
            load(path)

    def test_a_hole_in_the_transformer(self, made: Made) -> None:
        name = next(name for name in made.tensors if "mlp" in name)
        del made.tensors[name]
        with pytest.raises(ModelTrouble, match=r"lacks [12] of its tensors"):
            load(made.alone())

    def test_a_fill_model(self, tmp_path: Path) -> None:
        built = Made(tmp_path / "home" / "models", "dev")
        built.tensors["img_in.weight"] = torch.zeros(32, 384)
        with pytest.raises(ModelTrouble, match=r"384 input channels .*fill, depth or canny"):
            load(built.alone())

    def test_packed_weights(self, tmp_path: Path) -> None:
        built = Made(tmp_path / "home" / "models", "dev")
        built.tokenizers()
        path = built.alone()
        name = "double_blocks.0.img_attn.proj.weight"
        save(path, built.tensors | {name: built.tensors[name].to(torch.uint8)})
        with pytest.raises(ModelTrouble, match="is packed"):
            load(path)

    def test_other_shapes_than_the_rest_says(self, tmp_path: Path) -> None:
        built = Made(tmp_path / "home" / "models", "dev")
        built.tokenizers()
        built.tensors["final_layer.linear.weight"] = torch.zeros(8, 32)
        with pytest.raises(ModelTrouble, match=r"final_layer\.linear\.weight .* has the shape \[8, 32\]"):
            load(built.alone())

    def test_chroma_and_unet_files_are_not_its(self, tmp_path: Path) -> None:
        built = Made(tmp_path / "home" / "models", "schnell")
        chroma = built.tensors | {"distilled_guidance_layer.in_proj.weight": torch.zeros(2)}
        save(tmp_path / "chroma.safetensors", chroma)
        assert (
            recognise(tmp_path / "chroma.safetensors", read_header(tmp_path / "chroma.safetensors")) is None
        )
        assert (
            flow_file.recognise(tmp_path / "x", {"model.diffusion_model.input_blocks.0.0.weight": {}}) is None
        )
