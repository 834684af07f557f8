"""Writes captions for scenes, naming any part of what they show."""

from __future__ import annotations

import random

from backends.diffusers_local.starter.scenes import Item, Scene
from backends.diffusers_local.starter.words import NUMBERS, a

PLURALS = {"cross": "crosses"}
_LEADS = ("a picture of {}", "picture of {}")
_RELATION_WORDS = {
    "left": ("left of", "to the left of", "on the left of"),
    "right": ("right of", "to the right of", "on the right of"),
    "above": ("above", "over", "on top of"),
    "below": ("below", "below", "at the bottom of"),
}
_OPPOSITE = {"left": "right", "right": "left", "above": "below", "below": "above"}


def plural(shape: str) -> str:
    """A shape's name for several of it."""
    return PLURALS.get(shape, f"{shape}s")


def place_phrase(position: str, rng: random.Random) -> str:
    """A position in words: "at the top", "in the top left corner"."""
    if " " in position:
        return rng.choice((f"in the {position} corner", f"at the {position}", f"in the {position}", position))
    if position == "center":
        return rng.choice(("in the center", "at the center"))
    return rng.choice((f"at the {position}", f"on the {position}", f"on the {position}"))


def background_phrase(background: str, rng: random.Random) -> str:
    """A background in words, to be put after what stands on it."""
    return rng.choices(
        (
            f"on {a(background)} background",
            f", {background} background",
            f"on {background}",
            f"with {a(background)} background",
        ),
        (6, 1, 1, 1),
    )[0]


def _leave(usual: bool) -> float:
    """How often something is left unsaid: what is usual often, so that what is not named comes out usual."""
    return 0.7 if usual else 0.01


def _usual_ground(scene: Scene) -> bool:
    """Whether a background may go unnamed: white, or blue behind anything white."""
    return scene.background == ("blue" if any(item.colour == "white" for item in scene.items) else "white")


def _single(scene: Scene, rng: random.Random, omit: float) -> str:
    item = scene.items[0]
    words = [item.shape]
    if rng.random() >= _leave(item.colour == "red") * omit:
        words.insert(0, item.colour)
    if scene.size != "medium" and rng.random() < 0.9:
        words.insert(0, scene.size)
    subject = " ".join(words)
    subject = subject if rng.random() < 0.12 else a(subject)
    tail = []
    if rng.random() >= _leave(_usual_ground(scene)) * omit:
        tail.append(background_phrase(scene.background, rng))
    if rng.random() >= (0.6 if scene.position == "center" else 0.03):
        tail.append(place_phrase(scene.position, rng))
    rng.shuffle(tail)
    return " ".join([subject, *tail])


def _count(scene: Scene, rng: random.Random, omit: float) -> str:
    item, number = scene.items[0], len(scene.items)
    shape = item.shape if number == 1 else plural(item.shape)
    words = [
        NUMBERS[number - 1],
        *([item.colour] if rng.random() >= _leave(item.colour == "red") * omit else []),
        shape,
    ]
    if rng.random() >= _leave(_usual_ground(scene)) * omit:
        words.append(background_phrase(scene.background, rng))
    return " ".join(words)


def _subject(item: Item, rng: random.Random) -> str:
    phrase = f"{item.colour} {item.shape}"
    return phrase if rng.random() < 0.1 else a(phrase)


def _pair(scene: Scene, rng: random.Random, omit: float) -> str:
    first, second = scene.items
    relation = scene.relation
    if rng.random() < 0.5:
        first, second, relation = second, first, _OPPOSITE[relation]
    if relation == "left" and rng.random() < 0.3:
        link = rng.choice(("and", "and", "next to"))
    else:
        link = rng.choices(_RELATION_WORDS[relation], (3, 1, 1))[0]
    text = f"{_subject(first, rng)} {link} {_subject(second, rng)}"
    return (
        f"{text} {background_phrase(scene.background, rng)}"
        if rng.random() >= _leave(_usual_ground(scene)) * omit
        else text
    )


_ON = {"sea": ("at sea", "on the sea"), "mountains": ("in the mountains", "in front of mountains")}
_AT = {"day": ("by day", "at day"), "sunset": ("at sunset",), "night": ("at night",)}


def _landscape(scene: Scene, rng: random.Random, omit: float) -> str:
    land = scene.landscape
    time = rng.choice(_AT[land.time]) if rng.random() >= _leave(land.time == "day") * omit else ""
    says_terrain = rng.random() >= _leave(land.terrain in ("hills", "sea")) * omit
    if land.thing and rng.random() >= 0.06 * omit:
        on = rng.choice(_ON.get(land.terrain, (f"in the {land.terrain}", f"on the {land.terrain}")))
        parts = [a(land.thing), on if says_terrain else "", time]
    elif says_terrain and time and rng.random() < 0.6:
        parts = [land.time, rng.choice(("over", "over the", "at the")), land.terrain]
    elif says_terrain:
        parts = [rng.choice(("", "the", "a landscape of")), land.terrain, time]
    else:
        parts = [rng.choice(("a landscape", "the sky")), time] if time else ["a landscape"]
    if land.light and rng.random() < 0.35:
        parts.append(rng.choice((f"with the {land.light}", f"with {a(land.light)}", f"and the {land.light}")))
    return " ".join(part for part in parts if part)


def caption(scene: Scene, rng: random.Random, omit: float = 1.0) -> str:
    """A caption for a training scene: true, naming any part of what there is to name; at `omit` 0 all."""
    text = {"single": _single, "count": _count, "pair": _pair, "landscape": _landscape}[scene.kind](
        scene, rng, omit
    )
    return rng.choice(_LEADS).format(text) if rng.random() < 0.1 else text
