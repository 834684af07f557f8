"""Flux's two text encoders: T5, whose states the transformer reads, and CLIP for one pooled vector."""

from collections.abc import Mapping
from typing import Any

import torch

from backends.diffusers_local.families import Family
from backends.diffusers_local.prompts.inversions import Embedding
from backends.diffusers_local.prompts.readers.clip import spliced
from backends.diffusers_local.prompts.readers.reader import Reading
from backends.diffusers_local.prompts.readers.window import Window, no_vectors
from backends.diffusers_local.prompts.sections import Section, sections

_LONGEST = 512
_LONGEST_UNGUIDED = 256
"""Tokens of T5 that schnell, the model without guidance of its own, was trained with."""


def make(family: Family, parts: Mapping[str, Any], device: torch.device) -> "FluxReader":
    """The reader of a model's parts."""
    return FluxReader(parts, device)


class FluxReader:
    """Reads with T5 and CLIP."""

    def __init__(self, parts: Mapping[str, Any], device: torch.device) -> None:
        self._parts = parts
        self._device = device
        self._longest = _LONGEST if parts["transformer"].config.guidance_embeds else _LONGEST_UNGUIDED

    def read(self, prompt: str, layer: int, embeddings: Mapping[str, Embedding]) -> Reading:
        """See Reader.read. Flux takes only CLIP's pooled vector, which comes from its last layer: `layer` and
        the weights of words do not reach it.
        """
        said = sections(prompt, embeddings)
        encoder = self._parts["text_encoder_2"]
        long = Window(self._parts["tokenizer_2"], self._longest, said, no_vectors)
        states = encoder(long.numbers(self._device), output_hidden_states=False)[0]
        return Reading(
            states.to(encoder.dtype),
            self._pooled(said, embeddings),
            cut=long.cut,
            weights=None if long.plain else long.weights,
        )

    def _pooled(self, said: tuple[Section, ...], embeddings: Mapping[str, Embedding]) -> torch.Tensor:
        """CLIP's pooled vector (1, width) of as much of the prompt as it takes."""
        encoder, tokenizer = self._parts["text_encoder"], self._parts["tokenizer"]
        width = encoder.get_input_embeddings().embedding_dim
        short = Window(
            tokenizer,
            tokenizer.model_max_length,
            said,
            lambda name: embeddings[name].fitting("text_encoder", width),
        )
        ids = short.numbers(self._device)
        with spliced(encoder, ids, [short.tokens]):
            pooled: torch.Tensor = encoder(ids, output_hidden_states=False).pooler_output
        return pooled.to(encoder.dtype)
