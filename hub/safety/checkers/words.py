"""Words and phrases that prompts must not have. Pure but for its shape.

It reads what is written and knows no meaning: it misses other spellings and other languages, and what a model
draws of harmless words.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from hub.safety.checker import CheckerType, Finding
from hub.settings import Safety

_WEIGHT = re.compile(r":\s*[+-]?[\d.]+\s*(?=\))")
"""How much a part of a prompt counts, as in `(part:1.3)`: no word of it."""
_APART = re.compile(r"[\W_]+")
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")


def plain(text: str) -> str:
    """A text as it is compared: lower case, letters and digits without accents, one space between words."""
    folded = unicodedata.normalize("NFKD", _WEIGHT.sub("", _UNSEEN.sub("", text))).casefold()
    bare = "".join(letter for letter in folded if not unicodedata.combining(letter))
    return f" {_APART.sub(' ', bare).strip()} "


@lru_cache(8)
def _looked_for(words: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((word, plain(word)) for word in words if plain(word).strip())


def first_word(text: str, words: tuple[str, ...]) -> str | None:
    """The first of `words` that stands in `text` as a whole word or phrase."""
    read = plain(text)
    return next((word for word, asked in _looked_for(words) if asked in read), None)


class Words:
    """Looks for the words of safety.words."""

    def __init__(self, chosen: Safety) -> None:
        self._chosen = chosen

    async def start(self) -> None:
        """Nothing has to be got ready."""

    async def texts(self, texts: Sequence[str]) -> Finding | None:
        """The first word found in any of them."""
        words = tuple(self._chosen.words)
        for text in texts:
            if (word := first_word(text, words)) is not None:
                return Finding(f"'{word}' is not allowed in prompts here", "safety.words")
        return None

    async def picture(self, data: bytes) -> Finding | None:
        """Nothing: it cannot see."""
        return None

    async def stop(self) -> None:
        """Nothing is held."""


CHECKER = CheckerType("words", "Refuses prompts with any of the words and phrases in safety.words.", Words)
