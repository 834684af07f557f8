"""What is refused before anything of a model is loaded."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from backends.diffusers_local.loading.folders import ModelTrouble, check_folder
from backends.diffusers_local.loading.model import load_model
from tests.backends.diffusers_local.conftest import build_pipeline, ref_of


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def rewrite(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def load(path: Path) -> Any:
    return load_model(ref_of(path), torch.device("cpu"), torch.float32)


def test_a_whole_folder_passes(copy: Path) -> None:
    check_folder(copy)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"_class_name": "StableVideoDiffusionPipeline"}, "StableVideoDiffusionPipeline"),
        ({"_class_name": "../evil"}, "evil"),
        ({"unet": ["os", "system"]}, "os.system"),
        ({"text_encoder": ["backends.worker", "main"]}, "backends.worker.main"),
        ({"tokenizer": ["transformers", "pipeline"]}, "transformers.pipeline"),
        ({"scheduler": ["diffusers", "UNet2DConditionModel"]}, "scheduler"),
        ({"vae": None}, "vae"),
        ({"vae": "AutoencoderKL"}, "vae"),
    ],
)
def test_foreign_names_are_refused(copy: Path, changes: dict[str, Any], word: str) -> None:
    rewrite(copy / "model_index.json", **changes)
    with pytest.raises(ModelTrouble, match=word.replace(".", r"\.")):
        load(copy)


def test_what_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelTrouble, match=r"model_index\.json"):
        check_folder(tmp_path)
    (tmp_path / "model_index.json").write_text("{")
    with pytest.raises(ModelTrouble, match="cannot be read"):
        check_folder(tmp_path)
    (tmp_path / "model_index.json").write_text("[]")
    with pytest.raises(ModelTrouble, match="not an object"):
        check_folder(tmp_path)


def test_truncated_weights_are_named_with_both_lengths(copy: Path) -> None:
    weights = copy / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(ModelTrouble, match=r"diffusion_pytorch_model.*holds \d+ bytes where \d+ belong"):
        load(copy)


@pytest.mark.parametrize("content", [b"", b"\xff" * 40, (2).to_bytes(8, "little") + b"[]", b"pickle"])
def test_junk_weights(copy: Path, content: bytes) -> None:
    (copy / "vae" / "diffusion_pytorch_model.safetensors").write_bytes(content)
    with pytest.raises(ModelTrouble, match="safetensors"):
        load(copy)


def test_pickles_are_never_loaded(copy: Path) -> None:
    weights = copy / "text_encoder" / "model.safetensors"
    weights.rename(weights.with_name("pytorch_model.bin"))
    with pytest.raises(ModelTrouble, match=r"only \.safetensors"):
        load(copy)


def test_a_missing_part(copy: Path) -> None:
    shutil.rmtree(copy / "vae")
    with pytest.raises(ModelTrouble, match="vae"):
        load(copy)


def test_a_broken_config(copy: Path) -> None:
    (copy / "unet" / "config.json").write_text("{")
    with pytest.raises(ModelTrouble, match="could not be loaded"):
        load(copy)


def test_a_denoiser_that_wants_a_depth_map(copy: Path) -> None:
    pipeline = build_pipeline()
    config = dict(pipeline.unet.config) | {"in_channels": 5}
    type(pipeline.unet).from_config(config).save_pretrained(copy / "unet")
    with pytest.raises(ModelTrouble, match="5 input channels"):
        load(copy)


def test_a_half_precision_folder_is_drawn_in_full(copy: Path) -> None:
    half = build_pipeline().to(dtype=torch.float16)
    shutil.rmtree(copy)
    half.save_pretrained(copy, variant="fp16")
    model = load(copy)
    assert {model.parts[name].dtype for name in model.family.weighted} == {torch.float32}
    assert model.size > 100_000
