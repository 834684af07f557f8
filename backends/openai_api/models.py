"""Models of the Images API and what each takes. Pure.

Source: platform.openai.com/docs/api-reference/images and the published OpenAPI description of it.
"""

import re
from dataclasses import dataclass

from backends.contract import Misconfigured
from backends.hosted.settings import words_of
from backends.hosted.shapes import Size, nearest, within

_SQUARE, _WIDE, _TALL = (1024, 1024), (1536, 1024), (1024, 1536)
_WORDS = re.compile(r"[\w.:/@+-]{1,200}")


@dataclass(frozen=True, slots=True)
class Family:
    """Models that take the same.

    `begins`: what their names begin with; `letters`: of a prompt; `sizes`: that they draw (empty: any);
    `edits`: they redraw pictures; `asks_for_base64`: without being asked they answer with an address
    (the GPT image models always send the picture, and refuse to be asked); `tuned`: they take `quality`,
    `moderation` and `output_format`.
    """

    begins: tuple[str, ...]
    letters: int
    sizes: tuple[Size, ...] = ()
    edits: bool = True
    asks_for_base64: bool = False
    tuned: bool = False
    free: bool = False

    def size(self, wanted: Size) -> Size:
        """The size to ask for."""
        if self.sizes:
            return nearest(wanted, self.sizes)
        if self.free:  # sides in steps of 16 pixels up to 3840, 1:3 to 3:1, 0.66 to 8.3 megapixels
            return within(wanted, multiple=16, longest=3840, area=(655_360, 8_294_400), widest=3.0)
        return wanted


_FAMILIES = (
    Family(("gpt-image-2",), 32_000, tuned=True, free=True),
    Family(("gpt-image-", "chatgpt-image"), 32_000, (_SQUARE, _WIDE, _TALL), tuned=True),
    Family(
        ("dall-e-3",),
        4_000,
        (_SQUARE, (1792, 1024), (1024, 1792)),
        edits=False,
        asks_for_base64=True,
    ),
    Family(("dall-e-2",), 1_000, ((256, 256), (512, 512), _SQUARE), asks_for_base64=True),
)


def names_of(setting: str) -> tuple[str, ...]:
    """The models a setting names. Raises Misconfigured."""
    names = words_of(setting)
    if not names:
        raise Misconfigured("Models: name at least one, like gpt-image-2.")
    for name in names:
        if not _WORDS.fullmatch(name):
            raise Misconfigured(f"Models: {name[:80]!r} is no name of a model.")
    return names


def sizes_of(setting: str) -> tuple[Size, ...]:
    """The sizes a setting names. Raises Misconfigured."""
    sizes = []
    for word in map(str.lower, words_of(setting)):
        width, _, height = word.partition("x")
        if not (width.isdecimal() and height.isdecimal() and 16 <= int(width) <= 8192 >= int(height) >= 16):
            raise Misconfigured(f"Sizes: {word[:40]!r} is no size like 512x512 of 16 to 8192 pixels.")
        sizes.append((int(width), int(height)))
    return tuple(sizes)


def family_of(name: str, sizes: tuple[Size, ...]) -> Family:
    """What a model takes; one of an unknown name draws `sizes`."""
    for family in _FAMILIES:
        if name.startswith(family.begins):
            return family
    return Family((), 32_000, sizes, asks_for_base64=True)
