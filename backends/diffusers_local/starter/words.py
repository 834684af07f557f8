"""The words of the starter model: what it can name, the other words it takes for them, and the palette."""

from __future__ import annotations

import re

PALETTE: dict[str, tuple[int, int, int]] = {
    "red": (222, 36, 42),
    "orange": (250, 140, 20),
    "yellow": (250, 220, 40),
    "green": (40, 160, 60),
    "cyan": (60, 215, 225),
    "blue": (36, 76, 210),
    "purple": (130, 50, 170),
    "pink": (250, 150, 195),
    "brown": (120, 72, 36),
    "black": (20, 20, 22),
    "gray": (140, 142, 146),
    "white": (246, 246, 244),
}
"""Colour name -> 8-bit RGB, far enough apart to be told from one another after jitter."""

SHAPES = ("circle", "square", "triangle", "star", "heart", "diamond", "ring", "cross")

POSITIONS: dict[str, tuple[int, int]] = {
    "center": (0, 0),
    "top": (0, -1),
    "bottom": (0, 1),
    "left": (-1, 0),
    "right": (1, 0),
    "top left": (-1, -1),
    "top right": (1, -1),
    "bottom left": (-1, 1),
    "bottom right": (1, 1),
}
"""Position name -> direction from the middle, x to the right and y down."""

SIZES: dict[str, tuple[float, float]] = {"small": (0.125, 0.155), "medium": (0.18, 0.24), "big": (0.26, 0.31)}
"""Size name -> range of the radius, as a share of the picture's shorter side."""

NUMBERS = ("one", "two", "three", "four", "five")
RELATIONS: dict[str, tuple[int, int]] = {"left": (-1, 0), "right": (1, 0), "above": (0, -1), "below": (0, 1)}
TIMES = ("day", "sunset", "night")
TERRAINS = ("mountains", "hills", "sea", "desert")
THINGS = ("house", "tree", "boat", "sun", "moon")

_FILLERS = (
    "a an the of on in at to front with and over by background corner picture small big next sky landscape"
)

CANONICAL: tuple[str, ...] = tuple(
    dict.fromkeys(
        [
            *_FILLERS.split(),
            *PALETTE,
            *SHAPES,
            *" ".join(POSITIONS).split(),
            *NUMBERS,
            *RELATIONS,
            *TIMES,
            *TERRAINS,
            *THINGS,
        ]
    )
)
"""Every word the model is trained on."""

_OTHER_WORDS = {
    "circle": "circles disc discs disk disks dot dots ball balls",
    "square": "squares box boxes block blocks",
    "triangle": "triangles triangular",
    "star": "stars",
    "heart": "hearts",
    "diamond": "diamonds rhombus rhombuses lozenge",
    "ring": "rings donut doughnut hoop",
    "cross": "crosses plus",
    "red": "scarlet crimson",
    "orange": "amber",
    "yellow": "gold golden lemon",
    "green": "emerald",
    "cyan": "turquoise teal aqua",
    "blue": "navy azure",
    "purple": "violet lilac",
    "pink": "rose",
    "brown": "chocolate",
    "gray": "grey silver",
    "picture": "pictures photo photograph image images drawing painting illustration sketch icon",
    "background": "backdrop",
    "small": "little tiny mini",
    "big": "large huge giant",
    "center": "centre middle centered",
    "top": "upper",
    "bottom": "lower",
    "left": "leftmost",
    "right": "rightmost",
    "above": "atop",
    "below": "under beneath underneath",
    "next": "beside",
    "one": "1 single",
    "two": "2 pair couple",
    "three": "3",
    "four": "4",
    "five": "5",
    "day": "daytime daylight noon",
    "sunset": "dusk evening sunrise dawn",
    "night": "midnight nighttime",
    "mountains": "mountain peaks peak",
    "hills": "hill meadow countryside",
    "sea": "ocean water lake seaside",
    "desert": "dunes dune sand",
    "house": "home cottage cabin hut",
    "tree": "trees pine",
    "boat": "boats ship sailboat",
    "landscape": "scene scenery view",
    "with": "having",
    "a": "some",
}

ALIASES: dict[str, str] = {other: word for word, others in _OTHER_WORDS.items() for other in others.split()}
"""Other word -> the trained word whose meaning (embedding row) it shares."""

_NOT_A_WORD = re.compile(r"[^a-z0-9]+")


def normalise(prompt: str) -> list[str]:
    """Split a prompt the way the shipped tokenizer does: lower case, all but letters and digits divides."""
    return [word for word in _NOT_A_WORD.split(prompt.lower()) if word]


def a(phrase: str) -> str:
    """The phrase with the article it takes."""
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"
