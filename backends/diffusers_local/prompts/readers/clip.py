"""CLIP's text encoders: one, or several side by side."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from backends.diffusers_local.families import Family, TextPart
from backends.diffusers_local.prompts.readers.reader import Reading


def make(family: Family, parts: Mapping[str, Any], device: torch.device) -> "ClipReader":
    """The reader of a model's parts."""
    return ClipReader(family, parts, device)


class ClipReader:
    """Reads with every text encoder of the family and puts their states side by side."""

    def __init__(self, family: Family, parts: Mapping[str, Any], device: torch.device) -> None:
        self._family = family
        self._parts = parts
        self._device = device

    def read(self, prompt: str, layer: int) -> Reading:
        """See Reader.read."""
        states, pooled = [], None
        for part in self._family.texts:
            own, pooled = self._read(part, prompt, layer or part.layer)
            states.append(own)
        tokenizer = self._parts[self._family.texts[0].tokenizer]
        whole = tokenizer(prompt, return_offsets_mapping=True)
        offsets, ids = whole["offset_mapping"], whole["input_ids"]
        longest = tokenizer.model_max_length
        return Reading(
            states[0] if len(states) == 1 else torch.cat(states, dim=-1),
            pooled if self._family.pooled else None,
            _unknown(tokenizer, prompt, ids, offsets),
            prompt[offsets[longest - 1][0] :].strip() if len(ids) > longest else "",
        )

    def _read(self, part: TextPart, prompt: str, layer: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        """One encoder's states of a layer, and its first answer, which is the pooled vector where it has
        one.
        """
        tokenizer, encoder = self._parts[part.tokenizer], self._parts[part.encoder]
        if layer > encoder.config.num_hidden_layers:
            raise ValueError(
                f"CLIP Stop At Layer is -{layer}, and this model's {part.encoder} has only "
                f"{encoder.config.num_hidden_layers} layers."
            )
        given = tokenizer(
            prompt,
            padding="max_length",
            max_length=tokenizer.model_max_length,
            truncation=True,
            return_tensors="pt",
        )
        masked = getattr(encoder.config, "use_attention_mask", False)
        mask = given.attention_mask.to(self._device) if masked else None
        ids = given.input_ids.to(self._device)
        if layer == 1 and part.normed:
            return encoder(ids, attention_mask=mask)[0], None
        answer = encoder(ids, attention_mask=mask, output_hidden_states=True)
        states = answer.hidden_states[-layer]
        if part.normed:
            # the text tower lies in `text_model` or, since transformers 5, is the encoder itself
            states = getattr(encoder, "text_model", encoder).final_layer_norm(states)
        return states, answer[0]


def _unknown(
    tokenizer: Any, prompt: str, ids: Sequence[int], offsets: Sequence[tuple[int, int]]
) -> list[str]:
    """The words that a whole-word tokenizer does not know (one that cuts words up knows them all)."""
    unknown = tokenizer.unk_token_id
    if unknown is None or tokenizer.unk_token in (tokenizer.eos_token, tokenizer.bos_token):
        return []
    words = [prompt[a:b] for number, (a, b) in zip(ids, offsets, strict=True) if number == unknown and b > a]
    return list(dict.fromkeys(words))
