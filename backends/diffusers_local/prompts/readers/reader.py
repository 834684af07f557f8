"""What the prompt cache asks of any way to read a prompt."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import torch

from backends.diffusers_local.prompts.inversions import Embedding


@dataclass(frozen=True, slots=True)
class Reading:
    """A prompt as its encoders give it: `states` (1, tokens, width), `pooled` (1, width) where the denoiser
    takes one; `unknown` words; `cut` the text that did not fit.

    `weights` (1, tokens, 1 or width) is how much each state counts, which is not in the states yet; None
    when each counts 1.
    """

    states: torch.Tensor
    pooled: torch.Tensor | None = None
    unknown: list[str] = field(default_factory=list)
    cut: str = ""
    weights: torch.Tensor | None = None


class Reader(Protocol):
    """One model's text encoders together."""

    def read(self, prompt: str, layer: int, embeddings: Mapping[str, Embedding]) -> Reading:
        """Encode a prompt; `layer` is where the encoders stop, counted from the end (0: where the family
        does), `embeddings` the textual inversions that it may name, by their names.

        Raises ValueError with a sentence when an encoder has fewer layers, or an embedding does not fit.
        """
