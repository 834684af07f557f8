"""From a prompt to what the denoiser takes of it, each prompt once."""

from collections import OrderedDict
from dataclasses import dataclass

import torch

from backends.diffusers_local.prompts.readers import Reader

_KEPT = 256


@dataclass(slots=True)
class Text:
    """A prompt as the denoiser takes it: `states` (1, tokens, width), `pooled` (1, width) where it has one;
    `unknown` words; `cut` text that did not fit.
    """

    states: torch.Tensor
    pooled: torch.Tensor | None
    unknown: list[str]
    cut: str


class Texts:
    """The encoded prompts of one model.

    With `zero_empty` an empty negative prompt is nothing at all.
    """

    def __init__(self, reader: Reader, dtype: torch.dtype, *, zero_empty: bool = False) -> None:
        self._reader = reader
        self._dtype = dtype
        self._zero_empty = zero_empty
        self._known: OrderedDict[tuple[str, int], Text] = OrderedDict()

    def encode(self, prompt: str, layer: int = 0) -> Text:
        """The prompt encoded, from memory when it was met before.

        `layer` is where the encoders stop, counted from the end (0: where this family does). Raises
        ValueError when an encoder has fewer.
        """
        known = self._known.get((prompt, layer))
        if known is None:
            known = self._known[prompt, layer] = self._encode(prompt, layer)
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        self._known.move_to_end((prompt, layer))
        return known

    def negative(self, prompt: str, text: Text) -> Text:
        """The negative prompt that goes with `text`.

        Like the stock pipelines it stops at the family's own layer, wherever the prompt does.
        """
        if prompt or not self._zero_empty:
            return self.encode(prompt)
        pooled = None if text.pooled is None else torch.zeros_like(text.pooled)
        return Text(torch.zeros_like(text.states), pooled, [], "")

    def _encode(self, prompt: str, layer: int) -> Text:
        read = self._reader.read(prompt, layer)
        pooled = None if read.pooled is None else read.pooled.to(self._dtype)
        return Text(read.states.to(self._dtype), pooled, read.unknown, read.cut)
