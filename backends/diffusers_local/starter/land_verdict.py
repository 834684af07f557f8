"""Judges a landscape by the colours of its parts: sky, ground, and the things that stand in it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from backends.diffusers_local.starter.landscapes import (
    CROWN,
    GROUNDS,
    HULL,
    MOON,
    ROOF,
    SAIL,
    SKIES,
    SUN,
    TRUNK,
    WALL,
)
from backends.diffusers_local.starter.prompts import Prompt

SIDE = 96
Colour = tuple[int, int, int]
Pixels = npt.NDArray[np.float32]
_ENOUGH = {
    "house": (("roof", 0.008), ("wall", 0.014)),
    "tree": (("crown", 0.02),),
    "boat": (("hull", 0.008), ("sail", 0.007)),
}


def _gap(colour: npt.ArrayLike, other: Colour) -> float:
    return float(np.linalg.norm(np.asarray(colour, np.float32) - np.asarray(other, np.float32)))


def _floor(terrain: str, time: str) -> Colour:
    near = GROUNDS[terrain][time][1]
    return (near[0] * 3 // 4, near[1] * 3 // 4, near[2] * 3 // 4) if terrain == "mountains" else near


def time_of(pixels: Pixels) -> str:
    """The time of day whose sky the top of the picture has."""
    top = np.median(pixels[: SIDE // 16].reshape(-1, 3), axis=0)
    return min(SKIES, key=lambda time: _gap(top, SKIES[time][0]))


def terrain_of(pixels: Pixels, time: str) -> str:
    """The terrain whose ground the bottom of the picture has, at that time of day."""
    bottom = np.median(pixels[-SIDE // 16 :].reshape(-1, 3), axis=0)
    return min(GROUNDS, key=lambda terrain: _gap(bottom, _floor(terrain, time)))


def shares_of(pixels: Pixels, time: str, terrain: str) -> dict[str, float]:
    """Part of a landscape -> its share of the picture, each pixel given to the part nearest in colour."""
    top, low = SKIES[time]
    mixes = [tuple(t + (b - t) * k / 6 for t, b in zip(top, low, strict=True)) for k in range(7)]
    far, near = GROUNDS[terrain][time]
    parts = [("sky", mix) for mix in mixes] + [
        ("ground", far),
        ("ground", near),
        ("ground", _floor(terrain, time)),
    ]
    parts += [("light", SUN.get(time, MOON)), ("trunk", TRUNK)]
    if terrain == "sea":
        hulls = [tuple(part * light for part in HULL) for light in (1.0, 0.6, 0.3)]
        parts += [("sail", SAIL[time]), *(("hull", hull) for hull in hulls)]
    else:
        parts += [("roof", ROOF[time]), ("wall", WALL[time]), ("crown", CROWN[time])]
    table = np.array([colour for _, colour in parts], np.float32)
    gaps = np.linalg.norm(pixels[:, :, None, :] - table, axis=3)
    nearest, close = gaps.argmin(2), gaps.min(2) < 30
    names = np.array([name for name, _ in parts])[nearest]
    return {
        name: float(np.mean((names == name) & close)) for name in dict.fromkeys(name for name, _ in parts)
    }


def shows_thing(pixels: Pixels, thing: str, time: str, terrain: str) -> bool:
    """Whether enough of the thing's colours is there, below where the sun and the moon stand.

    A sail may be as white as the moon, and a hull as dark as the night: how much a boat darkens is not asked.
    """
    start = round(0.36 * len(pixels))
    shares = shares_of(pixels[start:], time, terrain)
    shares["sail"] = shares.get("sail", 0.0) + shares["light"]
    part_seen = 1 - start / len(pixels)
    return all(shares.get(part, 0.0) * part_seen >= least for part, least in _ENOUGH[thing])


def judge_landscape(picture: Image.Image, prompt: Prompt) -> dict[str, bool]:
    """What a landscape prompt asks for -> whether the picture shows it."""
    scale = SIDE / min(picture.size)
    size = (round(picture.width * scale), round(picture.height * scale))
    pixels = np.asarray(picture.convert("RGB").resize(size, Image.Resampling.BOX), dtype=np.float32)
    time = time_of(pixels)
    terrain = terrain_of(pixels, time)
    judged = {}
    if prompt.time:
        judged["time"] = time == prompt.time
    if prompt.terrain:
        judged["terrain"] = terrain == prompt.terrain
    if prompt.thing:
        judged["thing"] = shows_thing(pixels, prompt.thing, time, terrain)
    if prompt.light:
        judged["light"] = shares_of(pixels, time, terrain)["light"] >= 0.008
    return judged
