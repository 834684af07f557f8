"""Stable Diffusion 3's three text encoders: two of CLIP's side by side, then T5's states after theirs, with
zeros for a T5 that is not there.
"""

from collections.abc import Mapping
from typing import Any

import torch

from backends.diffusers_local.families import Family, TextPart
from backends.diffusers_local.prompts.inversions import Embedding
from backends.diffusers_local.prompts.readers.clip import spliced
from backends.diffusers_local.prompts.readers.reader import Reading
from backends.diffusers_local.prompts.readers.window import Window, no_vectors
from backends.diffusers_local.prompts.sections import Section, sections

T5_LONGEST = 256
"""Tokens that T5 reads here: what the model was trained with, and the stock pipeline's default."""


def make(family: Family, parts: Mapping[str, Any], device: torch.device) -> "SD3Reader":
    """The reader of a model's parts."""
    return SD3Reader(family, parts, device)


class SD3Reader:
    """Reads with two CLIPs and, where there is one, T5."""

    def __init__(self, family: Family, parts: Mapping[str, Any], device: torch.device) -> None:
        self._family = family
        self._parts = parts
        self._device = device

    def read(self, prompt: str, layer: int, embeddings: Mapping[str, Embedding]) -> Reading:
        """See Reader.read."""
        said = sections(prompt, embeddings)
        states, pooled, windows = [], [], []
        for part in self._family.texts:
            window = self._window(part, said, embeddings)
            own, vector = self._encode(part, window, layer or part.layer)
            states.append(own)
            pooled.append(vector)
            windows.append(window)
        long, last = self._long(said)
        side_by_side = torch.cat(states, dim=-1)
        padded = torch.nn.functional.pad(side_by_side, (0, long.shape[-1] - side_by_side.shape[-1]))
        return Reading(
            torch.cat([padded, long], dim=-2),
            torch.cat(pooled, dim=-1),
            windows[0].unknown,
            (last or windows[0]).cut,
            _weights([*windows, last], [int(own.shape[-1]) for own in states], long),
        )

    def _window(
        self, part: TextPart, said: tuple[Section, ...], embeddings: Mapping[str, Embedding]
    ) -> Window:
        width = self._parts[part.encoder].get_input_embeddings().embedding_dim
        # the stock pipeline cuts both prompts where the first tokenizer ends
        longest = self._parts[self._family.texts[0].tokenizer].model_max_length
        return Window(
            self._parts[part.tokenizer],
            longest,
            said,
            lambda name: embeddings[name].fitting(part.encoder, width),
        )

    def _encode(self, part: TextPart, window: Window, layer: int) -> tuple[torch.Tensor, torch.Tensor]:
        encoder = self._parts[part.encoder]
        if layer > encoder.config.num_hidden_layers:
            raise ValueError(
                f"CLIP Stop At Layer is -{layer}, and this model's {part.encoder} has only "
                f"{encoder.config.num_hidden_layers} layers."
            )
        ids = window.numbers(self._device)
        with spliced(encoder, ids, [window.tokens]):
            answer = encoder(ids, output_hidden_states=True)
        return answer.hidden_states[-layer], answer[0]

    def _long(self, said: tuple[Section, ...]) -> tuple[torch.Tensor, Window | None]:
        """T5's states (1, tokens, width) and what it read; zeros and None where there is no T5."""
        encoder = self._parts["text_encoder_3"]
        if encoder is None:
            width = self._parts["transformer"].config.joint_attention_dim
            dtype = self._parts["text_encoder"].dtype
            return torch.zeros(1, T5_LONGEST, width, device=self._device, dtype=dtype), None
        window = Window(self._parts["tokenizer_3"], T5_LONGEST, said, no_vectors)
        return encoder(window.numbers(self._device))[0].to(encoder.dtype), window


def _weights(windows: list[Window | None], widths: list[int], long: torch.Tensor) -> torch.Tensor | None:
    """How much each state counts, (1, tokens, width); None when each counts 1."""
    *clips, last = windows
    if all(window is None or window.plain for window in windows):
        return None
    side = [w.weights.expand(-1, -1, wide) for w, wide in zip(clips, widths, strict=True) if w is not None]
    first = torch.cat(side, dim=-1)
    rest = torch.ones(1, first.shape[1], long.shape[-1] - first.shape[-1])
    after = torch.ones(1, 1, 1) if last is None else last.weights
    return torch.cat(
        [torch.cat([first, rest], dim=-1), after.expand(-1, long.shape[1], long.shape[-1])], dim=1
    )
