"""The checker: always right on true pictures, hardly ever content with another picture's caption."""

import random

import pytest
from PIL import Image

from backends.diffusers_local.starter.prompts import Prompt, describe
from backends.diffusers_local.starter.scenes import FRAMES, KINDS, choose_scene, draw_scene
from backends.diffusers_local.starter.verdict import find_shapes, judge

SCENES = 48


def drawn(kind: str, frame: str, number: int) -> list[tuple[Image.Image, Prompt]]:
    """True pictures with prompts that name all they show, seen and held-out combinations in turn."""
    rng = random.Random(f"{kind} {frame}")
    scenes = [choose_scene(rng, kind, frame, training=bool(k % 2)) for k in range(number)]
    return [(draw_scene(scene, 16, 2), describe(scene, rng)) for scene in scenes]


@pytest.mark.parametrize("kind", KINDS)
def test_true_pictures_all_agree(kind: str) -> None:
    for picture, prompt in drawn(kind, "square", SCENES):
        assert all(judge(picture, prompt).values()), (prompt, judge(picture, prompt))


@pytest.mark.parametrize("frame", [frame for frame in FRAMES if frame != "square"])
@pytest.mark.parametrize("kind", KINDS)
def test_true_wide_and_tall_pictures_all_agree(kind: str, frame: str) -> None:
    for picture, prompt in drawn(kind, frame, 10):
        assert all(judge(picture, prompt).values()), (prompt, judge(picture, prompt))


@pytest.mark.parametrize("kind", KINDS)
def test_shuffled_captions_rarely_agree(kind: str) -> None:
    pairs = drawn(kind, "square", SCENES)
    prompts = [prompt for _, prompt in pairs[1:]] + [pairs[0][1]]
    agreed = [
        all(judge(picture, prompt).values()) for (picture, _), prompt in zip(pairs, prompts, strict=True)
    ]
    assert sum(agreed) / len(agreed) < 0.15


def test_blank_and_noisy_pictures_show_no_shape() -> None:
    assert find_shapes(Image.new("RGB", (256, 256), (222, 36, 42))) == ("red", [])
    noise = Image.effect_noise((256, 256), 120).convert("RGB")
    prompt = Prompt("a red circle", "single", (("circle", "red"),))
    assert not all(judge(noise, prompt).values())
