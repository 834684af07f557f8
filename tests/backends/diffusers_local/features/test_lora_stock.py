"""LoRAs over models that their own pipeline draws."""

from pathlib import Path

import diffusers
import numpy as np
import pytest
import torch

from backends.contract import ModelRef
from backends.diffusers_local import stock
from backends.diffusers_local.features.lora import load_lora
from backends.diffusers_local.features.lora_layers import stack_of
from backends.diffusers_local.loading.gather import Kit
from backends.diffusers_local.loading.stock_model import load_stock
from backends.diffusers_local.loading.weights import ModelTrouble
from tests.backends.diffusers_local.loras import changes, lora, peft, write
from tests.backends.diffusers_local.stock_models import build
from tests.backends.diffusers_local.test_stock import a_stock_work, the_same_call

CPU = torch.device("cpu")


@pytest.mark.parametrize("family", ["auraflow", "chroma", "lumina2", "qwen_image", "sana", "z_image"])
def test_the_picture_is_the_stock_pipelines(family: str, tmp_path: Path) -> None:
    folder = tmp_path / family
    build(family).save_pretrained(folder)
    path = write(tmp_path / "a.safetensors", peft(changes(build(family), ("transformer",))))
    model = load_stock(ModelRef(family, str(folder)), CPU, torch.float32)
    one = load_lora(lora(path).model, CPU, torch.float32)
    model.layers.attach(one)
    work = a_stock_work(model)
    dressed = Kit(model, loras=(one,), stack=stack_of({one.key: (0.7, 1.0)}))  # type: ignore[arg-type]
    plain = Kit(model)  # type: ignore[arg-type]
    before = np.asarray(stock.draw(work, plain, lambda *_: None).picture)
    ours = np.asarray(stock.draw(work, dressed, lambda *_: None).picture)
    after = np.asarray(stock.draw(work, plain, lambda *_: None).picture)
    theirs = diffusers.DiffusionPipeline.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
    theirs.set_progress_bar_config(disable=True)
    theirs.load_lora_weights(str(path), adapter_name="a")
    theirs.set_adapters(["a"], [0.7])
    with torch.inference_mode():
        (expected,) = theirs(**the_same_call(work, model)).images
    assert np.array_equal(ours, np.asarray(expected))
    assert not np.array_equal(ours, before)
    assert np.array_equal(after, before)


def test_families_without_loras_say_so(tmp_path: Path) -> None:
    build("pixart_sigma").save_pretrained(tmp_path / "pixart")
    path = write(tmp_path / "a.safetensors", peft(changes(build("pixart_sigma"), ("transformer",))))
    model = load_stock(ModelRef("pixart", str(tmp_path / "pixart")), CPU, torch.float32)
    with pytest.raises(ModelTrouble, match="'a' cannot be laid over PixArt"):
        model.layers.attach(load_lora(lora(path).model, CPU, torch.float32))
