"""Textual inversions: learned vectors that stand in a prompt where words would."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from backends.contract import ModelRef

_OF_ENCODER = {"text_encoder": "clip_l", "text_encoder_2": "clip_g", "text_encoder_3": "t5xxl"}
"""What files with vectors for several encoders call those for each."""


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """One textual inversion. `vectors` are its tensors (count, width) by their names in the file, in single
    precision on the processor; `key` changes with the file, `size` is in bytes.
    """

    ref: ModelRef
    key: str
    vectors: Mapping[str, torch.Tensor]
    size: int

    def fitting(self, encoder: str, width: int) -> torch.Tensor:
        """The vectors (count, width) for this text encoder. Raises ValueError when it has none."""
        own = self.vectors.get(_OF_ENCODER.get(encoder, ""))
        fitting = [own] if own is not None else list(self.vectors.values())
        for tensor in fitting:
            if tensor.shape[1] == width:
                return tensor
        widths = " and ".join(str(wide) for wide in sorted({t.shape[1] for t in self.vectors.values()}))
        raise ValueError(
            f"The embedding {self.ref.name!r} has vectors of width {widths}; this model's {encoder} takes "
            f"{width}: it was made for another kind of model."
        )
