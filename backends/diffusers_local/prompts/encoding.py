"""From a prompt to what the denoiser takes of it: a family's text encoders side by side, each prompt once."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from backends.diffusers_local.families import Family, TextPart

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

    `parts` are its components by name; with `zero_empty` an empty negative prompt is nothing at all.
    """

    def __init__(
        self,
        family: Family,
        parts: Mapping[str, Any],
        device: torch.device,
        dtype: torch.dtype,
        *,
        zero_empty: bool = False,
    ) -> None:
        self._family = family
        self._parts = parts
        self._device = device
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
        states, pooled = [], None
        for part in self._family.texts:
            own, pooled = self._read(part, prompt, layer or part.layer)
            states.append(own)
        together = states[0] if len(states) == 1 else torch.cat(states, dim=-1)
        tokenizer = self._parts[self._family.texts[0].tokenizer]
        whole = tokenizer(prompt, return_offsets_mapping=True)
        offsets, ids = whole["offset_mapping"], whole["input_ids"]
        longest = tokenizer.model_max_length
        cut = prompt[offsets[longest - 1][0] :].strip() if len(ids) > longest else ""
        return Text(
            together.to(self._dtype),
            pooled.to(self._dtype) if pooled is not None and self._family.pooled else None,
            _unknown(tokenizer, prompt, ids, offsets),
            cut,
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
