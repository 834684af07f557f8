"""A prompt in one window of one text encoder, for the families that were never taught to read several."""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import torch

from backends.diffusers_local.prompts.readers.words import Token, Words
from backends.diffusers_local.prompts.sections import Section

Vectors = Callable[[str], torch.Tensor]
"""Gives a textual inversion's vectors (count, width) by its name."""


class Window:
    """What fits into the first `longest` tokens, begin and end among them, as the stock pipelines cut it.

    `cut` is the text that did not fit.
    """

    def __init__(self, tokenizer: Any, longest: int, said: Sequence[Section], vectors: Vectors) -> None:
        self._words = Words(tokenizer, longest, vectors)
        tokens = [token for section in self._words.divide(said) for token in chain.from_iterable(section)]
        room = self._words.room
        self.tokens: list[Token] = tokens[:room]
        self.cut = self._words.rest(said, [tokens[room:]])
        self.unknown = self._words.unknown(said)

    def numbers(self, device: torch.device) -> torch.Tensor:
        """The window as the encoder takes it (1, longest), padding included."""
        numbers, _ = self._words.numbers([self.tokens])
        return torch.tensor(numbers, device=device)

    @property
    def weights(self) -> torch.Tensor:
        """How much each place counts (1, longest, 1)."""
        return torch.tensor(self._words.weights([self.tokens]))[None, :, None]

    @property
    def plain(self) -> bool:
        """Every word counts 1."""
        return all(token.weight == 1 for token in self.tokens)


def no_vectors(name: str) -> torch.Tensor:
    """For encoders that know no textual inversions: nothing stands in its place."""
    return torch.empty(0, 0)
