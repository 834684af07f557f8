"""What the prompt cache asks of any way to read a prompt."""

from dataclasses import dataclass, field
from typing import Protocol

import torch


@dataclass(frozen=True, slots=True)
class Reading:
    """A prompt as its encoders give it: `states` (1, tokens, width), `pooled` (1, width) where the denoiser
    takes one; `unknown` words; `cut` the text that did not fit.
    """

    states: torch.Tensor
    pooled: torch.Tensor | None = None
    unknown: list[str] = field(default_factory=list)
    cut: str = ""


class Reader(Protocol):
    """One model's text encoders together."""

    def read(self, prompt: str, layer: int) -> Reading:
        """Encode a prompt; `layer` is where the encoders stop, counted from the end (0: where the family
        does).

        Raises ValueError with a sentence when an encoder has fewer.
        """
