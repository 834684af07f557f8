"""Prompts to measure the model with: their words, and the facts that a picture of them must show."""

from __future__ import annotations

import random
from dataclasses import dataclass

from backends.diffusers_local.starter.captions import background_phrase, place_phrase, plural
from backends.diffusers_local.starter.scenes import (
    Item,
    Scene,
    choose_scene,
    held_out_background,
    held_out_colour,
)
from backends.diffusers_local.starter.words import NUMBERS, SHAPES, a

SORTS = ("full", "no background", "no colour", "bare", "count", "pair", "landscape")
"""Sorts of prompts; the first four are single shapes. All but "bare" are held-out combinations."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """Words, and what they ask for; an empty string is something that they leave open.

    `items` are the shapes asked for (one, equal ones, or two different), with colours that may be empty.
    """

    text: str
    kind: str
    items: tuple[tuple[str, str], ...] = ()
    background: str = ""
    position: str = ""
    size: str = ""
    relation: str = ""
    time: str = ""
    terrain: str = ""
    thing: str = ""
    light: str = ""


def _subject(item: Item, colour: bool = True, size: str = "") -> str:
    return a(" ".join(word for word in (size, item.colour if colour else "", item.shape) if word))


def describe(scene: Scene, rng: random.Random, *, colour: bool = True, background: bool = True) -> Prompt:
    """The prompt that names what a scene shows; without the colour or the background if so asked."""
    if scene.kind == "landscape":
        return _describe_land(scene)
    ground = scene.background if background else ""
    tail = " " + background_phrase(ground, rng) if ground else ""
    items = tuple((item.shape, item.colour if colour else "") for item in scene.items)
    if scene.kind == "count":
        item, number = scene.items[0], len(scene.items)
        words = [
            NUMBERS[number - 1],
            item.colour if colour else "",
            plural(item.shape) if number > 1 else item.shape,
        ]
        return Prompt(" ".join(filter(None, words)) + tail, "count", items, ground)
    if scene.kind == "pair":
        link = {"left": "left of", "right": "right of"}.get(scene.relation, scene.relation)
        text = f"{_subject(scene.items[0], colour)} {link} {_subject(scene.items[1], colour)}{tail}"
        return Prompt(text, "pair", items, ground, relation=scene.relation)
    position = scene.position if rng.random() < 0.7 else ""
    place = " " + place_phrase(position, rng) if position else ""
    tail = place + tail if rng.random() < 0.5 else tail + place
    size = scene.size if scene.size != "medium" and rng.random() < 0.3 else ""
    return Prompt(_subject(scene.items[0], colour, size) + tail, "single", items, ground, position, size)


def _describe_land(scene: Scene) -> Prompt:
    land = scene.landscape
    at = {"day": "by day", "sunset": "at sunset", "night": "at night"}[land.time]
    if land.thing:
        where = "at sea" if land.terrain == "sea" else f"in the {land.terrain}"
        text = f"{a(land.thing)} {where} {at}"
    else:
        text = f"{land.time} over the {land.terrain}"
    return Prompt(text, "landscape", time=land.time, terrain=land.terrain, thing=land.thing)


def _single_of(rng: random.Random, sort: str, frame: str) -> Prompt:
    """A single that may leave out its colour or background; what it does name is held out."""
    while True:
        scene = choose_scene(rng, "single", frame, training=False)
        item = scene.items[0]
        if sort == "no background" and held_out_colour(item.shape, item.colour):
            return describe(scene, rng, background=False)
        if sort == "no colour" and held_out_background(item.shape, scene.background):
            return describe(scene, rng, colour=False)
        if sort == "full":
            return describe(scene, rng)


def make_prompt(rng: random.Random, sort: str, frame: str = "square") -> Prompt:
    """A prompt of a sort; what it names was never drawn together in training ("bare" names a shape alone)."""
    if sort == "bare":
        shape = rng.choice(SHAPES)
        return Prompt(a(shape), "single", ((shape, ""),))
    if sort in ("full", "no background", "no colour"):
        return _single_of(rng, sort, frame)
    return describe(choose_scene(rng, sort, frame, training=False), rng)


def make_prompts(sort: str, number: int, seed: int = 1, frame: str = "square") -> list[Prompt]:
    """The same prompts for the same seed."""
    rng = random.Random(f"{sort} {seed} {frame}")
    return [make_prompt(rng, sort, frame) for _ in range(number)]


ISSUE = (
    Prompt("three blue stars", "count", (("star", "blue"),) * 3),
    Prompt(
        "a red circle left of a green square",
        "pair",
        (("circle", "red"), ("square", "green")),
        relation="left",
    ),
    Prompt("sunset over mountains", "landscape", time="sunset", terrain="mountains"),
    Prompt("a boat at sea", "landscape", terrain="sea", thing="boat"),
    Prompt("a house at night", "landscape", time="night", thing="house"),
    Prompt("a red circle on a blue background", "single", (("circle", "red"),), "blue"),
)
"""Prompts that people are told to try; not held out."""
