"""LoRAs over models that their own pipelines draw: the picture that pipeline gives, and nothing stays."""

from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch

from backends.contract import Failed, Lora, ModelRef, Progress
from backends.diffusers_local.families import FAMILIES
from tests.backends.diffusers_local.conftest import Studio, a_work
from tests.backends.diffusers_local.loras import changes, peft, write
from tests.backends.diffusers_local.stock_models import build

TAKING = ("auraflow", "chroma", "cogview4", "lumina2", "qwen_image", "sana", "z_image")


def asked(family: str, folder: Path, number: int, **given: Any) -> Any:
    stock = FAMILIES[family].stock
    sampler = next(iter(stock.samplers))
    standard: dict[str, Any] = {"steps": 2, "seed": 5, "negative_prompt": "blue", "cfg_scale": 3.0}
    return a_work(folder, number, sampler=sampler, scheduler=stock.samplers[sampler][0], **(standard | given))


def pixels(picture: Any) -> Any:
    return np.asarray(picture.convert("RGB")).astype(int)


@pytest.mark.parametrize("family", TAKING)
def test_a_lora_acts_as_in_the_stock_pipeline_and_then_no_more(
    family: str, tmp_path: Path, studio: Studio
) -> None:
    folder = tmp_path / family
    build(family).save_pretrained(folder)
    theirs = diffusers.DiffusionPipeline.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
    theirs.set_progress_bar_config(disable=True)
    file = write(tmp_path / "change.safetensors", peft(changes(theirs, ("transformer",))))
    lora = Lora(ModelRef("change", str(file)), 0.7, 0.7)
    before, under, after = studio.draw(
        asked(family, folder, 1), asked(family, folder, 2, loras=(lora,)), asked(family, folder, 3)
    )
    theirs.load_lora_weights(str(file), adapter_name="change")
    theirs.set_adapters(["change"], [0.7])
    stock = FAMILIES[family].stock
    call = {
        "prompt": "a red circle",
        "negative_prompt": "blue",
        "num_inference_steps": 2,
        stock.guidance: 3.0,
        "width": 64,
        "height": 64,
        "generator": torch.Generator("cpu").manual_seed(5),
    }
    if "use_resolution_binning" in stock.arguments:
        call["use_resolution_binning"] = False
    with torch.inference_mode():
        (expected,) = theirs(**call).images
    assert np.array_equal(pixels(under), pixels(expected))
    assert not np.array_equal(pixels(under), pixels(before))
    assert np.array_equal(pixels(after), pixels(before))


def test_a_family_without_loras_says_so(tmp_path: Path, studio: Studio) -> None:
    folder = tmp_path / "pixart"
    pipeline = build("pixart_sigma")
    pipeline.save_pretrained(folder)
    file = write(tmp_path / "change.safetensors", peft(changes(pipeline, ("transformer",))))
    work = asked("pixart_sigma", folder, 1, loras=(Lora(ModelRef("change", str(file))),))
    studio.submit(work)
    studio.finish(work)
    (failed,) = studio.of(Failed, work.id)
    assert "change" in failed.reason
    assert "PixArt-Sigma" in failed.reason


def test_works_with_other_loras_wait_for_one_another(tmp_path: Path, studio: Studio) -> None:
    folder = tmp_path / "qwen"
    pipeline = build("qwen_image")
    pipeline.save_pretrained(folder)
    loras = [
        Lora(ModelRef(name, str(write(tmp_path / f"{name}.safetensors", peft(changed)))))
        for name, changed in (
            ("one", changes(pipeline, ("transformer",), seed=1)),
            ("other", changes(pipeline, ("transformer",), seed=2)),
        )
    ]
    stacks = [(loras[0],), (loras[1],), tuple(loras), ()]
    lengths = (150, 4, 4, 4)  # the first is under way when the files of the others are read
    works = [
        asked("qwen_image", folder, n, steps=steps, loras=stack, previews=False)
        for n, (stack, steps) in enumerate(zip(stacks, lengths, strict=True))
    ]
    alone = [pixels(Studio().draw(work)[0]) for work in works]
    studio.submit(works[0])
    while not studio.of(Progress, works[0].id):
        studio.turn()
    together = studio.draw(*works[1:])
    studio.finish(works[0])
    for picture, work, expected in zip([studio.picture(works[0]), *together], works, alone, strict=True):
        assert np.array_equal(pixels(picture), expected), work.loras
