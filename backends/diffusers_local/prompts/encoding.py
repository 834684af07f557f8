"""From a prompt to what the denoiser takes of it, each prompt once."""

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace

import torch

from backends.diffusers_local.prompts.inversions import Embedding
from backends.diffusers_local.prompts.readers import Reader, Reading
from backends.diffusers_local.prompts.sections import named

_KEPT = 64 << 20
"""Bytes of encoded prompts kept for one model: about a hundred of Stable Diffusion XL's."""


@dataclass(slots=True)
class Text:
    """A prompt as the denoiser takes it: `states` (1, tokens, width), `pooled` (1, width) where it has one;
    `unknown` words; `cut` text that did not fit.
    """

    states: torch.Tensor
    pooled: torch.Tensor | None
    unknown: list[str]
    cut: str

    @property
    def size(self) -> int:
        """Bytes in memory."""
        tensors = [self.states] if self.pooled is None else [self.states, self.pooled]
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


@dataclass(frozen=True, slots=True)
class Asking:
    """How a prompt is to be read. `layer` is where the encoders stop, counted from the end (0: where the
    family does); `embeddings` the textual inversions it may name; `worn` what is laid over the encoders
    while they read (equal for equal LoRAs and weights).
    """

    layer: int = 0
    embeddings: Mapping[str, Embedding] = field(default_factory=dict)
    worn: Hashable = ()


PLAIN = Asking()


class Texts:
    """The encoded prompts of one model, the least recently used forgotten above `kept` bytes.

    With `zero_empty` an empty negative prompt is nothing at all.
    """

    def __init__(
        self, reader: Reader, dtype: torch.dtype, *, zero_empty: bool = False, kept: int = _KEPT
    ) -> None:
        self._reader = reader
        self._dtype = dtype
        self._zero_empty = zero_empty
        self._kept = kept
        self._size = 0
        self._known: OrderedDict[Hashable, Text] = OrderedDict()

    @property
    def size(self) -> int:
        """Bytes of all that is kept."""
        return self._size

    def guided(self, prompt: str, negative: str, asking: Asking = PLAIN, *, least: int = 0) -> list[Text]:
        """The negative prompt and the prompt, equally long, `least` tokens or more. Raises ValueError as
        `encode`.

        Like the stock pipelines the negative prompt stops at the family's own layer, wherever the prompt
        does. The shorter one goes on with the empty prompt.
        """
        text = self.encode(prompt, asking)
        if not negative and self._zero_empty:
            text = self._lengthened(text, max(text.states.shape[1], least), asking)
            pooled = None if text.pooled is None else torch.zeros_like(text.pooled)
            return [Text(torch.zeros_like(text.states), pooled, [], ""), text]
        without = replace(asking, layer=0)
        against = self.encode(negative, without)
        count = max(text.states.shape[1], against.states.shape[1], least)
        return [self._lengthened(against, count, without), self._lengthened(text, count, asking)]

    def alone(self, prompt: str, asking: Asking = PLAIN, *, least: int = 0) -> list[Text]:
        """The prompt without another to guide away from, `least` tokens or more. Raises ValueError as
        `encode`.
        """
        text = self.encode(prompt, asking)
        return [self._lengthened(text, max(text.states.shape[1], least), asking)]

    def encode(self, prompt: str, asking: Asking = PLAIN) -> Text:
        """The prompt encoded, from memory when it was met before.

        Raises ValueError when an encoder has fewer layers than asked for, or an embedding does not fit it.
        """
        names = named(prompt, asking.embeddings) if asking.embeddings else ()
        used = tuple(asking.embeddings[name].key for name in names)
        key = (prompt, asking.layer, used, asking.worn)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._encode(prompt, asking)
            self._size += known.size
            self._forget()
        self._known.move_to_end(key)
        return known

    def _forget(self) -> None:
        while self._size > self._kept and len(self._known) > 1:
            _, oldest = self._known.popitem(last=False)
            self._size -= oldest.size

    def _encode(self, prompt: str, asking: Asking) -> Text:
        read = self._reader.read(prompt, asking.layer, asking.embeddings)
        pooled = None if read.pooled is None else read.pooled.to(self._dtype)
        return Text(self._weighted(read, asking).to(self._dtype), pooled, read.unknown, read.cut)

    def _weighted(self, read: Reading, asking: Asking) -> torch.Tensor:
        """Move each weighted state away from the empty prompt's at its place (or towards it, below 1).

        Source: ComfyUI, which is where such weights are tuned for. The pooled vector has no weight.
        """
        if read.weights is None:
            return read.states
        weights = read.weights.to(read.states.device)
        nothing = self._nothing(read.states.shape[1], asking).float()
        moved = nothing + (read.states.float() - nothing) * weights
        return torch.where(weights == 1, read.states, moved.to(read.states.dtype))

    def _lengthened(self, text: Text, count: int, asking: Asking) -> Text:
        """The text with the empty prompt's states after its own, `count` in all."""
        missing = count - text.states.shape[1]
        if not missing:
            return text
        return replace(text, states=torch.cat([text.states, self._nothing(missing, asking)], dim=1))

    def _nothing(self, count: int, asking: Asking) -> torch.Tensor:
        """The empty prompt's states (1, count, width), over and over."""
        states = self.encode("", asking).states
        return states.repeat(1, -(-count // states.shape[1]), 1)[:, :count]
