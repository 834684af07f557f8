"""Draws flat landscapes: a sky for the time of day, a terrain, and the things that stand in it."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from PIL import Image, ImageDraw

Colour = tuple[int, int, int]

SKIES: dict[str, tuple[Colour, Colour]] = {
    "day": ((90, 165, 240), (200, 228, 250)),
    "sunset": ((120, 60, 120), (252, 150, 60)),
    "night": ((10, 14, 42), (36, 44, 96)),
}
"""Time -> colours of the sky at the top and at the horizon."""

GROUNDS: dict[str, dict[str, tuple[Colour, Colour]]] = {
    "mountains": {
        "day": ((116, 122, 140), (76, 84, 100)),
        "sunset": ((112, 70, 98), (70, 42, 68)),
        "night": ((52, 56, 76), (34, 36, 52)),
    },
    "hills": {
        "day": ((116, 190, 80), (66, 146, 58)),
        "sunset": ((118, 120, 50), (84, 88, 36)),
        "night": ((26, 70, 44), (16, 48, 30)),
    },
    "sea": {
        "day": ((40, 120, 200), (28, 92, 170)),
        "sunset": ((190, 92, 84), (112, 56, 98)),
        "night": ((24, 52, 106), (14, 34, 76)),
    },
    "desert": {
        "day": ((236, 206, 130), (216, 178, 98)),
        "sunset": ((214, 130, 72), (172, 94, 56)),
        "night": ((96, 82, 70), (70, 60, 54)),
    },
}
"""Terrain -> time -> colours of its far and its near part."""

SUN: dict[str, Colour] = {"day": (255, 232, 80), "sunset": (255, 226, 110)}
MOON: Colour = (240, 238, 214)
WALL: dict[str, Colour] = {"day": (244, 232, 206), "sunset": (236, 204, 160), "night": (176, 168, 150)}
ROOF: dict[str, Colour] = {"day": (200, 50, 44), "sunset": (170, 44, 40), "night": (130, 36, 36)}
CROWN: dict[str, Colour] = {"day": (24, 104, 44), "sunset": (44, 66, 26), "night": (8, 36, 24)}
TRUNK: Colour = (92, 58, 34)
HULL: Colour = (124, 62, 34)
SAIL: dict[str, Colour] = {"day": (250, 250, 246), "sunset": (255, 232, 206), "night": (206, 208, 216)}
WINDOW: Colour = (255, 214, 92)


@dataclass(frozen=True, slots=True)
class Landscape:
    """What a landscape shows; `light` is "sun", "moon" or "", `thing` "house", "tree", "boat" or ""."""

    time: str
    terrain: str
    thing: str
    light: str
    seed: int


def choose_landscape(rng: random.Random) -> Landscape:
    """Choose a landscape that makes sense: boats on the sea only, a moon only at night."""
    time = rng.choice(("day", "sunset", "night"))
    terrain = rng.choice(("mountains", "hills", "sea", "desert"))
    if terrain == "sea":
        thing = "boat" if rng.random() < 0.65 else ""
    else:
        thing = rng.choice(("house", "house", "tree", ""))
    light = ("moon" if time == "night" else "sun") if rng.random() < 0.85 else ""
    return Landscape(time, terrain, thing, light, rng.getrandbits(31))


def _jitter(rng: random.Random, colour: Colour, by: int = 5) -> Colour:
    return tuple(max(0, min(255, part + rng.randint(-by, by))) for part in colour)  # type: ignore[return-value]


def _sky(size: tuple[int, int], top: Colour, low: Colour) -> Image.Image:
    bar = Image.new("RGB", (1, 16))
    bar.putdata(
        [tuple(round(t + (b - t) * k / 15) for t, b in zip(top, low, strict=True)) for k in range(16)]
    )
    return bar.resize(size, Image.Resampling.BILINEAR)


class _Painter:
    """One landscape being painted; lengths are shares of the height, x reaches from 0 to `wide`."""

    def __init__(self, land: Landscape, size: tuple[int, int]) -> None:
        self.land, self.size = land, size
        self.rng = random.Random(land.seed)
        self.unit = min(size)
        self.wide, self.high = size[0] / self.unit, size[1] / self.unit
        top, low = (_jitter(self.rng, colour) for colour in SKIES[land.time])
        self.picture = _sky(size, top, low)
        self.pen = ImageDraw.Draw(self.picture)
        self.horizon = self.high * self.rng.uniform(0.56, 0.64)

    def polygon(self, points: list[tuple[float, float]], fill: Colour) -> None:
        self.pen.polygon([(x * self.unit, y * self.unit) for x, y in points], fill=fill)

    def disc(self, x: float, y: float, radius: float, fill: Colour) -> None:
        u = self.unit
        self.pen.ellipse(((x - radius) * u, (y - radius) * u, (x + radius) * u, (y + radius) * u), fill=fill)

    def light(self) -> None:
        side = 0.76 if self.land.light == "sun" else 0.24
        x = self.wide * (side + self.rng.uniform(-0.05, 0.05))
        y = self.high * self.rng.uniform(0.17, 0.25)
        if self.land.light == "sun":
            self.disc(x, y, self.rng.uniform(0.085, 0.11), SUN[self.land.time])
        elif self.land.light == "moon":
            self.disc(x, y, self.rng.uniform(0.075, 0.095), MOON)

    def wave(self, base: float, height: float, fill: Colour) -> None:
        phase, length = self.rng.uniform(0, 6.3), self.rng.uniform(0.9, 1.3)
        points = [
            (self.wide * k / 40, base + height * math.sin(phase + self.wide * k / 40 * 6.3 / length))
            for k in range(41)
        ]
        self.polygon([*points, (self.wide, self.high), (0, self.high)], fill)

    def mountains(self, far: Colour, near: Colour) -> None:
        step = 0.36
        for base, height, colour, shift in (
            (self.horizon, 0.3, far, 0.0),
            (self.horizon + 0.1, 0.2, near, 0.18),
        ):
            x = -0.3 + shift + self.rng.uniform(-0.06, 0.06)
            points = [(-0.6, self.high), (-0.6, base)]
            while x < self.wide + 0.4:
                points.append((x, base - height * self.rng.uniform(0.7, 1.1)))
                points.append((x + step / 2, base - height * self.rng.uniform(0.1, 0.3)))
                x += step * self.rng.uniform(0.9, 1.1)
            self.polygon([*points, (self.wide + 0.6, base), (self.wide + 0.6, self.high)], colour)
        floor = tuple(part * 3 // 4 for part in near)
        self.polygon(self._floor(self.horizon + 0.2), floor)  # type: ignore[arg-type]

    def _floor(self, y: float) -> list[tuple[float, float]]:
        return [(0, y), (self.wide, y), (self.wide, self.high), (0, self.high)]

    def ground(self) -> None:
        far, near = (_jitter(self.rng, part) for part in GROUNDS[self.land.terrain][self.land.time])
        if self.land.terrain == "mountains":
            self.mountains(far, near)
        elif self.land.terrain == "sea":
            self.polygon(self._floor(self.horizon), far)
            self.polygon(self._floor(self.horizon + 0.2), near)
        else:
            height = 0.045 if self.land.terrain == "hills" else 0.025
            self.wave(self.horizon, height, far)
            self.wave(self.horizon + 0.16, height, near)

    def thing(self) -> None:
        x = self.wide * (0.45 + self.rng.uniform(-0.07, 0.07))
        y = self.horizon + self.rng.uniform(0.16, 0.22)
        size = self.rng.uniform(0.9, 1.1)
        time = self.land.time
        if self.land.thing == "house":
            w, h = 0.13 * size, 0.19 * size
            self.polygon([(x - w, y), (x - w, y - h), (x + w, y - h), (x + w, y)], WALL[time])
            self.polygon([(x - w * 1.3, y - h), (x, y - h * 1.85), (x + w * 1.3, y - h)], ROOF[time])
            self.polygon(
                [(x - 0.03, y), (x - 0.03, y - h * 0.6), (x + 0.03, y - h * 0.6), (x + 0.03, y)], TRUNK
            )
        elif self.land.thing == "tree":
            w = 0.024 * size
            self.polygon([(x - w, y), (x - w, y - 0.18 * size), (x + w, y - 0.18 * size), (x + w, y)], TRUNK)
            self.disc(x, y - 0.25 * size, 0.125 * size, CROWN[time])
        elif self.land.thing == "boat":
            w = 0.16 * size
            y -= 0.06
            self.polygon(
                [(x - w, y - 0.07), (x + w, y - 0.07), (x + w * 0.65, y + 0.02), (x - w * 0.65, y + 0.02)],
                HULL,
            )
            self.polygon([(x, y - 0.34 * size), (x + w * 0.8, y - 0.1), (x, y - 0.1)], SAIL[time])
            self.polygon(
                [(x - 0.02, y - 0.28 * size), (x - 0.02, y - 0.1), (x - w * 0.6, y - 0.1)], SAIL[time]
            )


def draw_landscape(land: Landscape, size: tuple[int, int]) -> Image.Image:
    """Draw a landscape at a size in pixels (width, height); its seed settles what its words leave open."""
    painter = _Painter(land, size)
    painter.light()
    painter.ground()
    painter.thing()
    return painter.picture
