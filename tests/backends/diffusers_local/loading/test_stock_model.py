"""Folders of models that their own pipelines draw: known, checked, and loaded in the precision they stand."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from backends.contract import ModelRef, Work
from backends.diffusers_local import stock
from backends.diffusers_local.loading.gather import Kit
from backends.diffusers_local.loading.stock_model import StockModel, is_stock, load_stock
from backends.diffusers_local.loading.weights import ModelTrouble
from tests.backends.diffusers_local.stock_models import BUILD, build

CPU = torch.device("cpu")


def loaded(path: Path, dtype: torch.dtype = torch.float32) -> StockModel:
    return load_stock(ModelRef(path.name, str(path)), CPU, dtype)


@pytest.mark.parametrize("family", sorted(BUILD))
def test_a_folder_is_known_by_its_pipeline(family: str, stock_folder: Callable[[str], Path]) -> None:
    assert is_stock(stock_folder(family))
    model = loaded(stock_folder(family))
    assert model.family.id == family
    assert model.size > 100_000
    assert not any(weight.requires_grad for weight in model.parts["transformer"].parameters())


def test_other_folders_are_not(tmp_path: Path, folder: Path) -> None:
    assert not is_stock(folder)
    assert not is_stock(tmp_path)


@pytest.mark.parametrize(
    ("part", "named"),
    [
        ("transformer", ["foreign_code", "Transformer"]),
        ("text_encoder", ["transformers", "AutoModel"]),
        ("scheduler", ["diffusers", "DiffusionPipeline"]),
        ("vae", [None, None]),
    ],
)
def test_a_folder_cannot_choose_code(
    part: str, named: list[Any], tmp_path: Path, stock_folder: Callable[[str], Path]
) -> None:
    folder = tmp_path / "foreign"
    shutil.copytree(stock_folder("qwen_image"), folder)
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps(index | {part: named}))
    with pytest.raises(ModelTrouble, match="foreign"):
        loaded(folder)


def test_weights_that_may_hold_code_are_refused(tmp_path: Path, stock_folder: Callable[[str], Path]) -> None:
    folder = tmp_path / "old"
    shutil.copytree(stock_folder("chroma"), folder)
    (weights,) = (folder / "transformer").glob("*.safetensors")
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(ModelTrouble, match=r"only \.safetensors"):
        loaded(folder)


@pytest.mark.parametrize("shards", [None, 30_000])
def test_a_folder_of_which_some_parts_are_there_in_one_half_precision_only(
    shards: int | None, tmp_path: Path, stock_folder: Callable[[str], Path]
) -> None:
    folder, pipeline = tmp_path / "half", build("lumina2")
    shutil.copytree(stock_folder("lumina2"), folder)
    for file in (folder / "transformer").glob("*.safetensors"):
        file.unlink()
    transformer = pipeline.transformer.to(torch.bfloat16)
    given = {} if shards is None else {"max_shard_size": shards}
    transformer.save_pretrained(folder / "transformer", variant="bf16", **given)
    assert len(list((folder / "transformer").glob("*.bf16*.safetensors"))) > (0 if shards is None else 1)
    model = loaded(folder)
    weights = model.parts["transformer"].state_dict()
    assert all(torch.equal(weights[n], t.float()) for n, t in transformer.state_dict().items())


def test_half_precision_is_the_one_with_the_wide_range(stock_folder: Callable[[str], Path]) -> None:
    model = loaded(stock_folder("lumina2"), torch.float16)
    assert model.dtype == torch.bfloat16
    assert {weight.dtype for weight in model.parts["text_encoder"].parameters()} == {torch.bfloat16}
    work = Work("t:1", "u", "s", model.ref, "a red circle", width=64, height=64, steps=2, scheduler="simple")
    kit: Any = Kit
    assert stock.draw(work, kit(model), lambda *_: None).picture.size == (64, 64)
