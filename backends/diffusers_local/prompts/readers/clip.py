"""CLIP's text encoders: one, or several side by side, each window of a long prompt by itself."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

import torch

from backends.diffusers_local.families import Family, TextPart
from backends.diffusers_local.prompts.inversions import Embedding
from backends.diffusers_local.prompts.readers.reader import Reading
from backends.diffusers_local.prompts.readers.words import Token, Words
from backends.diffusers_local.prompts.sections import sections
from backends.diffusers_local.prompts.windows import fill

_MOST = 32
"""Windows of one prompt: some two thousand words. More would only keep everybody else waiting."""


def make(family: Family, parts: Mapping[str, Any], device: torch.device) -> "ClipReader":
    """The reader of a model's parts."""
    return ClipReader(family, parts, device)


class ClipReader:
    """Reads with every text encoder of the family and puts their states side by side."""

    def __init__(self, family: Family, parts: Mapping[str, Any], device: torch.device) -> None:
        self._family = family
        self._parts = parts
        self._device = device

    def read(self, prompt: str, layer: int, embeddings: Mapping[str, Embedding]) -> Reading:
        """See Reader.read."""
        said = sections(prompt, embeddings)
        words = [self._words(part, embeddings) for part in self._family.texts]
        most = _MOST if all(own.long for own in words) else 1
        filled = [fill(own.divide(said), own.room) for own in words]
        cut = words[0].rest(said, filled[0][most:])
        windows = [own[:most] for own in filled]
        longest = max(len(filled) for filled in windows)
        states, pooled = [], None
        for part, own, window in zip(self._family.texts, words, windows, strict=True):
            window += [[]] * (longest - len(window))
            read, pooled = self._encode(part, own, window, layer or part.layer)
            states.append(read)
        return Reading(
            states[0] if len(states) == 1 else torch.cat(states, dim=-1),
            pooled[:1] if pooled is not None and self._family.pooled else None,
            words[0].unknown(said),
            cut,
            _weights(words, windows, [int(read.shape[-1]) for read in states]),
        )

    def _words(self, part: TextPart, embeddings: Mapping[str, Embedding]) -> Words:
        width = self._parts[part.encoder].get_input_embeddings().embedding_dim

        def vectors(name: str) -> torch.Tensor:
            return embeddings[name].fitting(part.encoder, width)

        return Words(self._parts[part.tokenizer], self._longest(part), vectors)

    def _longest(self, part: TextPart) -> int:
        return min(
            self._parts[part.tokenizer].model_max_length,
            self._parts[part.encoder].config.max_position_embeddings,
        )

    def _encode(
        self, part: TextPart, words: Words, windows: Sequence[Sequence[Token]], layer: int
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """One encoder's states of a layer, the windows one after the other, and its first answer for each
        window, which is the pooled vector where it has one.
        """
        encoder = self._parts[part.encoder]
        if layer > encoder.config.num_hidden_layers:
            raise ValueError(
                f"CLIP Stop At Layer is -{layer}, and this model's {part.encoder} has only "
                f"{encoder.config.num_hidden_layers} layers."
            )
        numbers, seen = words.numbers(windows)
        ids = torch.tensor(numbers, device=self._device)
        masked = getattr(encoder.config, "use_attention_mask", False)
        mask = torch.tensor(seen, device=self._device) if masked else None
        with spliced(encoder, ids, windows):
            if layer == 1 and part.normed:
                return _in_line(encoder(ids, attention_mask=mask)[0]), None
            answer = encoder(ids, attention_mask=mask, output_hidden_states=True)
        states = answer.hidden_states[-layer]
        if part.normed:
            # the text tower lies in `text_model` or, since transformers 5, is the encoder itself
            states = getattr(encoder, "text_model", encoder).final_layer_norm(states)
        return _in_line(states), answer[0]


def _in_line(states: torch.Tensor) -> torch.Tensor:
    """(windows, tokens, width) -> (1, all tokens, width)."""
    return states.reshape(1, -1, states.shape[-1])


@contextmanager
def spliced(encoder: Any, ids: torch.Tensor, windows: Sequence[Sequence[Token]]) -> Iterator[None]:
    """Let the encoder take the tokens' own vectors where they have one, for these ids only.

    The table of words stays as it is, so that no other prompt meets a vector of this one.
    """
    own = [
        (row, place + 1, token.vector)
        for row, window in enumerate(windows)
        for place, token in enumerate(window)
        if token.vector is not None
    ]

    def splice(_: Any, given: tuple[torch.Tensor, ...], found: torch.Tensor) -> torch.Tensor:
        if given[0].shape != ids.shape or not torch.equal(given[0].to(ids.device), ids):
            return found
        found = found.clone()
        for row, place, vector in own:
            found[row, place] = vector.to(found)
        return found

    if not own:
        yield
        return
    hook = encoder.get_input_embeddings().register_forward_hook(splice)
    try:
        yield
    finally:
        hook.remove()


def _weights(
    words: Sequence[Words], windows: Sequence[Sequence[Sequence[Token]]], widths: Sequence[int]
) -> torch.Tensor | None:
    """Each state's weight (1, tokens, 1), or (1, tokens, width) where the encoders divide words differently;
    None when all are 1.
    """
    if all(token.weight == 1 for filled in windows for token in chain.from_iterable(filled)):
        return None
    each = [own.weights(filled) for own, filled in zip(words, windows, strict=True)]
    if all(weights == each[0] for weights in each):
        return torch.tensor(each[0])[None, :, None]
    spread = [torch.tensor(own)[:, None].expand(-1, width) for own, width in zip(each, widths, strict=True)]
    return torch.cat(spread, dim=-1)[None]
