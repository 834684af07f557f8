"""Scenes: what a training picture shows, how one is chosen and drawn, and which are held out."""

from __future__ import annotations

import random
import zlib
from dataclasses import dataclass

from PIL import Image, ImageDraw

from backends.diffusers_local.starter.landscapes import Landscape, choose_landscape, draw_landscape
from backends.diffusers_local.starter.shapes import draw_shape
from backends.diffusers_local.starter.words import PALETTE, POSITIONS, RELATIONS, SHAPES, SIZES

KINDS = ("single", "count", "pair", "landscape")
FRAMES: dict[str, tuple[int, int]] = {"square": (8, 8), "wide": (12, 8), "tall": (8, 12)}
"""Frame name -> columns and rows of the latent; a cell is 8 pixels in training and 32 when finished."""


@dataclass(frozen=True, slots=True)
class Item:
    """One shape; x and y run from 0 to 1 over the picture, radius is a share of its shorter side."""

    shape: str
    colour: str
    x: float
    y: float
    radius: float


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything a picture shows. `position` and `size` are a single's, `relation` the first's of a pair."""

    kind: str
    frame: str
    background: str = ""
    items: tuple[Item, ...] = ()
    position: str = ""
    size: str = ""
    relation: str = ""
    land: Landscape | None = None
    seed: int = 0

    @property
    def landscape(self) -> Landscape:
        """The landscape of a scene that is one."""
        if self.land is None:
            raise ValueError(f"a {self.kind} is not a landscape")
        return self.land


def _share(*parts: object) -> float:
    """A fixed number in [0, 1) for these parts, the same on every machine."""
    return zlib.crc32("|".join(map(str, parts)).encode()) / 2**32


def held_out(scene: Scene) -> bool:
    """Whether a scene uses a combination that is kept from training.

    Singles: some shape and colour pairs, some shape and background pairs, and a tenth of all full
    (shape, colour, background, position) sets. Counts: (number, shape, colour). Pairs: the two coloured
    shapes. Landscapes: (time, terrain, thing).
    """
    if scene.kind == "landscape" and scene.land is not None:
        return held_out_land(scene.land.time, scene.land.terrain, scene.land.thing)
    first = scene.items[0]
    if scene.kind == "count":
        return _share("count", len(scene.items), first.shape, first.colour) < 0.1
    if scene.kind == "pair":
        second = scene.items[1]
        ends = sorted((f"{first.colour} {first.shape}", f"{second.colour} {second.shape}"))
        return _share("pair", *ends) < 0.1
    return (
        held_out_colour(first.shape, first.colour)
        or held_out_background(first.shape, scene.background)
        or _share("single", first.shape, first.colour, scene.background, scene.position) < 0.1
    )


def held_out_colour(shape: str, colour: str) -> bool:
    """Whether no single of this shape and colour is ever drawn in training."""
    return _share("colour176", shape, colour) < 0.08


def held_out_background(shape: str, background: str) -> bool:
    """Whether no single of this shape is ever drawn on this background in training."""
    return _share("background16", shape, background) < 0.08


def held_out_land(time: str, terrain: str, thing: str) -> bool:
    """Whether a landscape of this time, terrain and thing is never drawn in training."""
    return bool(thing) and _share("land47", time, terrain, thing) < 0.2


def _two_colours(rng: random.Random) -> list[str]:
    return rng.sample(list(PALETTE), 2)


def _single(rng: random.Random, frame: str) -> Scene:
    colour, background = _two_colours(rng)
    shape = rng.choice(SHAPES)
    position = "center" if rng.random() < 0.25 else rng.choice(list(POSITIONS))
    size = rng.choices(list(SIZES), (2, 4, 3))[0]
    dx, dy = POSITIONS[position]
    radius = rng.uniform(*SIZES[size])
    reach = min(0.27, 0.5 - 1.12 * radius)
    x = 0.5 + dx * reach + (0.0 if dx else rng.uniform(-0.03, 0.03))
    y = 0.5 + dy * reach + (0.0 if dy else rng.uniform(-0.03, 0.03))
    item = Item(shape, colour, x + dx * rng.uniform(-0.03, 0.01), y + dy * rng.uniform(-0.03, 0.01), radius)
    return Scene("single", frame, background, (item,), position, size, seed=rng.getrandbits(31))


_PLACES: dict[int, tuple[tuple[tuple[float, float], ...], ...]] = {
    1: (((0, 0),),),
    2: (((-0.5, 0), (0.5, 0)),),
    3: (((-0.48, 0.42), (0.48, 0.42), (0, -0.42)),),
    4: (((-0.48, -0.48), (0.48, -0.48), (-0.48, 0.48), (0.48, 0.48)),),
    5: (((-0.58, -0.58), (0.58, -0.58), (0, 0), (-0.58, 0.58), (0.58, 0.58)),),
}
"""Number -> arrangements; a place is in half pictures from the middle."""
_COUNT_RADIUS = {1: 0.25, 2: 0.19, 3: 0.16, 4: 0.155, 5: 0.13}


def _count(rng: random.Random, frame: str) -> Scene:
    colour, background = _two_colours(rng)
    number = rng.choices((1, 2, 3, 4, 5), (1, 3, 4, 4, 4))[0]
    radius = _COUNT_RADIUS[number] * rng.uniform(0.92, 1.06)
    shape = rng.choice(SHAPES)
    items = tuple(
        Item(
            shape,
            colour,
            0.5 + x / 2 + rng.uniform(-0.015, 0.015),
            0.5 + y / 2 + rng.uniform(-0.015, 0.015),
            radius,
        )
        for x, y in rng.choice(_PLACES[number])
    )
    return Scene("count", frame, background, items, seed=rng.getrandbits(31))


def _pair(rng: random.Random, frame: str) -> Scene:
    background, *colours = rng.sample(list(PALETTE), 3)
    if rng.random() < 0.1:
        colours[1] = colours[0]
    relation = rng.choice(list(RELATIONS))
    dx, dy = RELATIONS[relation]
    items = tuple(
        Item(
            rng.choice(SHAPES),
            colour,
            0.5 + sign * dx * 0.25 + rng.uniform(-0.02, 0.02),
            0.5 + sign * dy * 0.25 + rng.uniform(-0.02, 0.02),
            rng.uniform(0.165, 0.21),
        )
        for colour, sign in zip(colours, (1, -1), strict=True)
    )
    return Scene("pair", frame, background, items, relation=relation, seed=rng.getrandbits(31))


def choose_scene(rng: random.Random, kind: str, frame: str = "square", *, training: bool = True) -> Scene:
    """Choose a scene of a kind at random; held-out ones come exactly when `training` is false."""
    makers = {"single": _single, "count": _count, "pair": _pair}
    while True:
        if kind == "landscape":
            scene = Scene(kind, frame, land=choose_landscape(rng))
        else:
            scene = makers[kind](rng, frame)
        if held_out(scene) is not training:
            return scene


def _shade(rng: random.Random, colour: str) -> tuple[int, int, int]:
    red, green, blue = (max(0, min(255, part + rng.randint(-6, 6))) for part in PALETTE[colour])
    return red, green, blue


def draw_scene(scene: Scene, cell: int = 32, finer: int = 3) -> Image.Image:
    """Draw a scene, `cell` pixels to a latent cell, smoothed from a picture `finer` times as fine."""
    columns, rows = FRAMES[scene.frame]
    size = (columns * cell * finer, rows * cell * finer)
    if scene.land is not None:
        picture = draw_landscape(scene.land, size)
    else:
        rng = random.Random(scene.seed)
        behind = _shade(rng, scene.background)
        picture = Image.new("RGB", size, behind)
        pen = ImageDraw.Draw(picture)
        for item in scene.items:
            middle = (item.x * size[0], item.y * size[1])
            draw_shape(pen, item.shape, middle, item.radius * min(size), _shade(rng, item.colour), behind)
    return picture.reduce(finer)
