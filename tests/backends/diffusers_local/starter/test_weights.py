"""The shipped folder: loads in the stock pipelines without a network and draws what it is asked for."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionImg2ImgPipeline, StableDiffusionPipeline
from PIL import Image
from safetensors.numpy import load_file

from backends.diffusers_local.starter.evaluate import evaluate
from backends.diffusers_local.starter.loading import WEIGHTS, load_starter
from backends.diffusers_local.starter.prompts import Prompt
from backends.diffusers_local.starter.scenes import Item, Scene, draw_scene
from backends.diffusers_local.starter.verdict import find_shapes, judge

CIRCLE = Prompt("a red circle on a blue background", "single", (("circle", "red"),), "blue")


@pytest.fixture(scope="module")
def pipeline() -> Iterator[Any]:
    """The starter model on one thread, so that timings of other tests stay fair."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield load_starter(StableDiffusionPipeline)
    torch.set_num_threads(threads)


def test_the_folder_is_small_and_ordinary() -> None:
    files = [path for path in WEIGHTS.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 20_000_000
    index = json.loads((WEIGHTS / "model_index.json").read_text())
    assert index["_class_name"] == "StableDiffusionPipeline"
    assert {path.suffix for path in files} <= {".json", ".safetensors"}


@pytest.mark.parametrize("size", [(256, 256), (384, 256), (256, 384)])
def test_a_picture_shows_what_its_prompt_says(pipeline: Any, size: tuple[int, int]) -> None:
    pictures = pipeline(
        [CIRCLE.text] * 3,
        width=size[0],
        height=size[1],
        num_inference_steps=16,
        guidance_scale=3.0,
        generator=[torch.Generator().manual_seed(seed) for seed in range(3)],
    ).images
    assert pictures[0].size == size
    assert sum(all(judge(picture, CIRCLE).values()) for picture in pictures) >= 2


def test_its_own_size_is_256(pipeline: Any) -> None:
    picture = pipeline(CIRCLE.text, num_inference_steps=2).images[0]
    assert picture.size == (256, 256)


def test_edges_are_clean(pipeline: Any) -> None:
    """Drawn circles go from one colour to the other within a few pixels."""
    scene = Scene("single", "square", "blue", (Item("circle", "red", 0.5, 0.5, 0.25),))
    true = np.asarray(draw_scene(scene), np.float32) / 127.5 - 1
    pixels = torch.from_numpy(true).permute(2, 0, 1)[None]
    with torch.no_grad():
        back = pipeline.vae.decode(pipeline.vae.encode(pixels).latents).sample
    row = back[0, 0, 128].numpy()
    between = np.abs(row - row.min()) / np.ptp(row)
    assert ((between > 0.15) & (between < 0.85)).sum() <= 2 * 6
    assert float(torch.mean((back - pixels) ** 2)) < 0.01


def test_an_image_can_be_changed_by_a_prompt(pipeline: Any) -> None:
    scene = Scene("single", "square", "yellow", (Item("square", "green", 0.5, 0.5, 0.3),))
    changed = load_starter(StableDiffusionImg2ImgPipeline)
    drawn = [
        changed(
            "a green square on a yellow background",
            image=draw_scene(scene),
            strength=strength,
            num_inference_steps=16,
            guidance_scale=3.0,
            generator=torch.Generator().manual_seed(1),
        ).images[0]
        for strength in (0.3, 0.6)
    ]
    for picture in drawn:
        background, found = find_shapes(picture)
        assert background == "yellow"
        assert [(part.shape, part.colour) for part in found] == [("square", "green")]


def test_the_preview_matrix_gives_the_small_picture(pipeline: Any) -> None:
    scene = Scene("single", "square", "blue", (Item("star", "yellow", 0.4, 0.5, 0.25),))
    pixels = torch.from_numpy(np.asarray(draw_scene(scene), np.float32) / 127.5 - 1).permute(2, 0, 1)[None]
    latents = pipeline.vae.encode(pixels).latents[0].detach().numpy()
    stored = load_file(WEIGHTS / "preview.safetensors")
    cells = stored["mean"] + np.einsum("chw,cp->hwp", latents, stored["basis"])
    planes = cells.reshape(8, 8, 3, 8, 8).transpose(0, 3, 1, 4, 2).reshape(64, 64, 3)
    small = Image.fromarray(((planes.clip(-1, 1) + 1) * 127.5).astype(np.uint8))
    assert [(part.shape, part.colour) for part in find_shapes(small)[1]] == [("star", "yellow")]


def test_the_hub_card_tells_what_an_engine_needs() -> None:
    card = json.loads((WEIGHTS / "hub.json").read_text(encoding="utf-8"))
    assert card["native_sizes"][0] == [256, 256]
    assert card["defaults"]["steps"] == 16
    assert card["python_module"] == "backends.diffusers_local.starter.autoencoder"
    assert "circle" in card["vocabulary"] and "<unk>" not in card["vocabulary"]


def test_a_few_held_out_prompts(pipeline: Any) -> None:
    scores = evaluate(pipeline, prompts=12, steps=12)["scores"]
    assert scores["single"]["all"] >= 0.75
    assert scores["landscape"]["all"] >= 0.5


@pytest.mark.long
def test_the_bar(pipeline: Any) -> None:
    """What the model card says, less chance: 300 held-out single shapes and 150 of each other sort."""
    scores = evaluate(pipeline, prompts=300, steps=16)["scores"]
    assert scores["single"]["all"] >= 0.97
    for sort in ("count", "pair", "landscape"):
        assert scores[sort]["all"] >= 0.70, sort
