"""Held-out combinations are never drawn in training, and captions use known words only."""

import random

from backends.diffusers_local.starter.captions import caption
from backends.diffusers_local.starter.prompts import SORTS, make_prompts
from backends.diffusers_local.starter.scenes import (
    KINDS,
    Scene,
    choose_scene,
    held_out,
    held_out_background,
    held_out_colour,
)
from backends.diffusers_local.starter.vocabulary import unknown_words
from backends.diffusers_local.starter.words import PALETTE, SHAPES


def combination(scene: Scene) -> tuple[object, ...]:
    """What of a scene is held out or not, written down independently of the rule."""
    if scene.kind == "landscape":
        return (scene.kind, scene.landscape.time, scene.landscape.terrain, scene.landscape.thing)
    ends = sorted((item.shape, item.colour) for item in scene.items)
    if scene.kind == "single":
        return (*ends, scene.background, scene.position)
    return (scene.kind, *ends)


def test_no_training_scene_shows_a_held_out_combination() -> None:
    rng = random.Random(3)
    seen = {combination(choose_scene(rng, KINDS[k % 4])) for k in range(20_000)}
    kept = {combination(choose_scene(rng, KINDS[k % 4], training=False)) for k in range(4_000)}
    assert len(kept) > 500
    assert not seen & kept


def test_held_out_colours_and_backgrounds_are_never_drawn_on_a_single() -> None:
    rng = random.Random(4)
    pairs, grounds = set(), set()
    for scene in (choose_scene(rng, "single") for _ in range(20_000)):
        pairs.add((scene.items[0].shape, scene.items[0].colour))
        grounds.add((scene.items[0].shape, scene.background))
    every = {(shape, colour) for shape in SHAPES for colour in PALETTE}
    assert every - pairs == {pair for pair in every if held_out_colour(*pair)}
    assert every - grounds == {pair for pair in every if held_out_background(*pair)}


def test_each_shape_and_colour_is_drawn_nearly_everywhere() -> None:
    for word, place in [*((shape, 0) for shape in SHAPES), *((colour, 1) for colour in PALETTE)]:
        missed = sum(
            held_out_colour(shape, colour)
            for shape in SHAPES
            for colour in PALETTE
            if (shape, colour)[place] == word
        )
        assert missed <= 2, word


def test_the_rule_is_the_same_on_every_machine() -> None:
    rng = random.Random(5)
    scenes = [choose_scene(rng, "single") for _ in range(50)]
    assert not any(held_out(scene) for scene in scenes)
    assert held_out_colour("square", "cyan") and held_out_background("circle", "white")


def test_captions_and_prompts_use_known_words_only() -> None:
    rng = random.Random(6)
    texts = [caption(choose_scene(rng, kind), rng) for kind in KINDS for _ in range(400)]
    texts += [prompt.text for sort in SORTS for prompt in make_prompts(sort, 40)]
    assert [text for text in texts if unknown_words(text)] == []
