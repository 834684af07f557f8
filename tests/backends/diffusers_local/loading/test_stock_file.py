"""A transformer in a file of its own is drawn with the rest of a folder near it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from backends.contract import ModelRef
from backends.diffusers_local.loading.stock_file import family_of_file
from backends.diffusers_local.loading.stock_model import StockModel, is_stock, load_stock
from backends.diffusers_local.loading.weights import ModelTrouble
from tests.backends.diffusers_local.stock_models import build

CPU = torch.device("cpu")
Tensors = dict[str, torch.Tensor]


def tensors_of(folder: Path) -> Tensors:
    (file,) = (folder / "transformer").glob("*.safetensors")
    tensors: Tensors = load_file(file)
    return tensors


def as_qwen_is_shared(tensors: Tensors) -> Tensors:
    return {f"model.diffusion_model.{name}": tensor for name, tensor in tensors.items()}


def as_z_image_was_published(tensors: Tensors) -> Tensors:
    """Queries, keys and values in one tensor, and the first project's names."""
    renamed: Tensors = {}
    for name, tensor in tensors.items():
        if name.endswith((".attention.to_k.weight", ".attention.to_v.weight")):
            continue
        if name.endswith(".attention.to_q.weight"):
            base = name.removesuffix("to_q.weight")
            parts = [tensors[f"{base}to_{part}.weight"] for part in "qkv"]
            renamed[f"{base}qkv.weight"] = torch.cat(parts)
            continue
        for ours, theirs in (
            ("all_final_layer.2-1.", "final_layer."),
            ("all_x_embedder.2-1.", "x_embedder."),
            (".attention.to_out.0.", ".attention.out."),
            (".attention.norm_k.", ".attention.k_norm."),
            (".attention.norm_q.", ".attention.q_norm."),
        ):
            name = name.replace(ours, theirs)
        renamed[name] = tensor.clone()
    return renamed


SHARED = {"qwen_image": as_qwen_is_shared, "z_image": as_z_image_was_published}


def loaded(path: Path) -> StockModel:
    return load_stock(ModelRef(path.name, str(path)), CPU, torch.float32)


def changed(tensors: Tensors) -> Tensors:
    """Other numbers than the folder's, so that it shows whose are used."""
    return {name: tensor * 0.5 for name, tensor in tensors.items()}


@pytest.mark.parametrize("family", SHARED)
@pytest.mark.parametrize("weights_beside", [True, False])
def test_the_files_transformer_and_the_folders_rest(
    family: str, weights_beside: bool, stock_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = tmp_path / "models" / "some folder"
    shutil.copytree(stock_folder(family), folder)
    tensors = changed(tensors_of(folder))
    if not weights_beside:
        for file in (folder / "transformer").glob("*.safetensors"):
            file.unlink()
    path = tmp_path / "models" / "a file.safetensors"
    save_file(SHARED[family](tensors), path)
    assert is_stock(path)
    model = loaded(path)
    assert model.family.id == family
    state = model.parts["transformer"].state_dict()
    assert state.keys() == tensors.keys()
    assert all(torch.equal(state[name], tensor) for name, tensor in tensors.items())
    reference: Any = build(family).vae.state_dict()
    assert all(torch.equal(tensor, reference[name]) for name, tensor in model.vae.state_dict().items())


def test_without_a_folder_it_says_what_is_needed(stock_folder: Callable[[str], Path], tmp_path: Path) -> None:
    path = tmp_path / "alone.safetensors"
    save_file(as_qwen_is_shared(tensors_of(stock_folder("qwen_image"))), path)
    with pytest.raises(ModelTrouble, match=r"only the transformer of Qwen-Image.*QwenImagePipeline"):
        loaded(path)


def test_a_folder_of_foreign_code_is_passed_over(stock_folder: Callable[[str], Path], tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    shutil.copytree(stock_folder("qwen_image"), folder)
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps(index | {"vae": ["foreign", "Vae"]}))
    path = tmp_path / "file.safetensors"
    save_file(tensors_of(stock_folder("qwen_image")), path)
    with pytest.raises(ModelTrouble, match="only the transformer"):
        loaded(path)


def test_a_file_with_gaps(stock_folder: Callable[[str], Path], tmp_path: Path) -> None:
    shutil.copytree(stock_folder("z_image"), tmp_path / "folder")
    path = tmp_path / "file.safetensors"
    tensors = as_z_image_was_published(tensors_of(stock_folder("z_image")))
    del tensors["layers.0.feed_forward.w1.weight"]
    save_file(tensors, path)
    with pytest.raises(ModelTrouble, match="lacks some of the tensors that Z-Image of 'folder' has"):
        loaded(path)


def test_scaled_numbers_of_eight_bits(stock_folder: Callable[[str], Path], tmp_path: Path) -> None:
    path = tmp_path / "file.safetensors"
    scale = {"transformer_blocks.0.img_mlp.net.2.scale_weight": torch.ones(1)}
    save_file(tensors_of(stock_folder("qwen_image")) | scale, path)
    with pytest.raises(ModelTrouble, match="8 bits"):
        loaded(path)


def test_other_files_are_none_of_these(tmp_path: Path) -> None:
    other, broken = tmp_path / "other.safetensors", tmp_path / "broken.safetensors"
    save_file({"model.diffusion_model.input_blocks.0.0.weight": torch.zeros(1)}, other)
    broken.write_bytes(b"nothing")
    assert family_of_file(other) is None
    assert family_of_file(broken) is None
