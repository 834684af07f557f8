"""A prompt taken apart: at its breaks, its weights and the textual inversions it names."""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import PurePosixPath

from msgspec import Struct

from backends.diffusers_local.prompts.weighting import Piece, escaped, weigh

_BREAK = re.compile(r"<(?i:break)>|(?<!\w)BREAK(?!\w)")
_TAG = re.compile(r"<embed(?:ding)?:[^<>]{1,400}>", re.IGNORECASE)


class Named(Struct, frozen=True):
    """A textual inversion at its place in a prompt, by its full name."""

    name: str
    weight: float = 1.0


Part = Piece | Named
Section = tuple[Part, ...]
"""What is read together, in order."""


def sections(prompt: str, embeddings: Iterable[str] = ()) -> tuple[Section, ...]:
    """The prompt between its breaks (`<break>`, or `BREAK` as a word), empty ones left out, at least one.

    `embeddings` are names of textual inversions; one stands in the prompt as `<embed:name>` or
    `embedding:name`, with or without folder and ending. What names none of them is text.
    """
    naming = _Naming(embeddings)
    made: list[list[Part]] = [[]]
    # brackets of a file's name are no weights
    for piece in weigh(_TAG.sub(lambda tag: escaped(tag[0]), prompt)):
        texts = _BREAK.split(piece.text)
        for number, text in enumerate(texts):
            if number:
                made.append([])
                text = text.lstrip()
            text = text.rstrip() if number < len(texts) - 1 else text
            made[-1].extend(naming.divide(text, piece.weight))
    return tuple(tuple(section) for section in made if section) or ((),)


def named(prompt: str, embeddings: Iterable[str]) -> tuple[str, ...]:
    """Which of these textual inversions the prompt names, in its order, each once."""
    parts = chain.from_iterable(sections(prompt, embeddings))
    return tuple(dict.fromkeys(part.name for part in parts if isinstance(part, Named)))


class _Naming:
    """Finds the names of textual inversions in a text."""

    def __init__(self, embeddings: Iterable[str]) -> None:
        self._names = _aliases(embeddings)
        if self._names:
            # the longest first, or "style" would be found in "style-two"
            any_name = "|".join(re.escape(name) for name in sorted(self._names, key=len, reverse=True))
            self._pattern = re.compile(
                rf"<embed(?:ding)?:\s*({any_name})\s*>|(?<!\w)embedding:({any_name})(?![\w/-])",
                re.IGNORECASE,
            )

    def divide(self, text: str, weight: float) -> Iterator[Part]:
        """The text in pieces of this weight, none of them empty."""
        place = 0
        for found in self._pattern.finditer(text) if self._names else ():
            if found.start() > place:
                yield Piece(text[place : found.start()], weight)
            yield Named(self._names[(found[1] or found[2]).lower()], weight)
            place = found.end()
        if place < len(text):
            yield Piece(text[place:], weight)


def _aliases(embeddings: Iterable[str]) -> Mapping[str, str]:
    """Every way to write each name, in lower case -> the name; what fits two is the first."""
    known: dict[str, str] = {}
    names = tuple(embeddings)
    for shorten in (str, _without_ending, _last, lambda name: _last(_without_ending(name))):
        for name in names:
            known.setdefault(shorten(name).lower(), name)
    return known


def _without_ending(name: str) -> str:
    return name.removesuffix(".safetensors").removesuffix(".sft")


def _last(name: str) -> str:
    return PurePosixPath(name).name or name
