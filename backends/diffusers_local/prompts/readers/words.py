"""A tokenizer's view of a prompt: words of tokens, those it does not know, and what did not fit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch

from backends.diffusers_local.prompts.sections import Named, Section
from backends.diffusers_local.prompts.weighting import Piece


@dataclass(frozen=True, slots=True, eq=False)
class Token:
    """What an encoder takes at one place: a number of its table, or a `vector` (width,) of its own.

    `part` and `place` say where it stands: in which part of the prompt, and how many characters into it.
    """

    number: int
    weight: float
    vector: torch.Tensor | None = None
    part: int = 0
    place: int = 0


class Words:
    """One tokenizer, with the textual inversions that `vectors` finds by name.

    `longest` is the encoder's window in tokens; `room` what of it is left for words. A tokenizer of whole
    words (the starter's) belongs to a model that has only ever seen one window: it is not `long`. Measured on
    the starter: of 64 pictures all are right from one window, 53 with an empty second one beside it, 37 with
    the prompt's halves in two.
    """

    def __init__(self, tokenizer: Any, longest: int, vectors: Callable[[str], torch.Tensor]) -> None:
        self._tokenizer = tokenizer
        self._vectors = vectors
        self._longest = longest
        around = tokenizer("").input_ids
        self._begin, self._end = around[:-1], around[-1:]  # T5 has no begin
        self.room = longest - len(around)
        self._whole = tokenizer.unk_token_id is not None and tokenizer.unk_token not in (
            tokenizer.eos_token,
            tokenizer.bos_token,
        )
        # where a vector stands: never the end, which the pooled vector is looked for by
        self._instead = next(number for number in range(3) if number not in around)

    @property
    def long(self) -> bool:
        """Whether a prompt may take more than one window."""
        return not self._whole

    def divide(self, said: Sequence[Section]) -> list[list[list[Token]]]:
        """The sections' words, each its tokens. Raises ValueError for vectors that do not fit."""
        divided, number = [], 0
        for section in said:
            words: list[list[Token]] = []
            for part in section:
                if isinstance(part, Named):
                    words.append(self._inversion(part, number))
                else:
                    words.extend(self._text(part, number))
                number += 1
            divided.append(words)
        return divided if self.long else [list(chain.from_iterable(divided))]

    def _inversion(self, part: Named, number: int) -> list[Token]:
        return [
            Token(self._instead, part.weight, vector=vector, part=number)
            for vector in self._vectors(part.name)
        ]

    def _text(self, part: Piece, number: int) -> list[list[Token]]:
        read = self._read(part.text)
        ends = self._ends(read.input_ids)
        words: list[list[Token]] = [[]]
        for token, (place, _), end in zip(read.input_ids, read.offset_mapping, ends, strict=True):
            words[-1].append(Token(token, part.weight, part=number, place=place))
            if end:
                words.append([])
        return [word for word in words if word]

    def _read(self, text: str) -> Any:
        return self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)

    def _ends(self, numbers: Sequence[int]) -> list[bool]:
        """Which of these tokens end a word."""
        if self._whole:
            return [True] * len(numbers)
        return [token.endswith("</w>") for token in self._tokenizer.convert_ids_to_tokens(numbers)]

    def numbers(self, windows: Sequence[Sequence[Token]]) -> tuple[list[list[int]], list[list[int]]]:
        """Each window as the encoder takes it, begin, end and padding included; and 1 for all but padding."""
        numbers, seen = [], []
        for window in windows:
            own = [*self._begin, *(token.number for token in window), *self._end]
            rest = self._longest - len(own)
            numbers.append(own + [self._tokenizer.pad_token_id] * rest)
            seen.append([1] * len(own) + [0] * rest)
        return numbers, seen

    def weights(self, windows: Sequence[Sequence[Token]]) -> list[float]:
        """The weight of each place of all windows; begin, end and padding have 1."""
        made: list[float] = []
        for window in windows:
            own = [1.0] * len(self._begin) + [token.weight for token in window]
            made += own + [1.0] * (self._longest - len(own))
        return made

    def rest(self, said: Sequence[Section], left: Sequence[Sequence[Token]]) -> str:
        """The text from the first token of these windows on."""
        first = next(iter(chain.from_iterable(left)), None)
        if first is None:
            return ""
        parts = list(chain.from_iterable(said))[first.part :]
        text = "".join(part.text if isinstance(part, Piece) else part.name for part in parts)
        return text[first.place :].strip()

    def unknown(self, said: Sequence[Section]) -> list[str]:
        """The words that a whole-word tokenizer does not know (one that cuts words up knows them all)."""
        if not self._whole:
            return []
        unknown = self._tokenizer.unk_token_id
        found: dict[str, None] = {}
        for part in chain.from_iterable(said):
            if isinstance(part, Piece):
                read = self._read(part.text)
                for number, (start, end) in zip(read.input_ids, read.offset_mapping, strict=True):
                    if number == unknown and end > start:
                        found[part.text[start:end]] = None
        return list(found)
