"""The tokenizer's words without the tokenizer or torch: which words of a prompt the model does not know."""

from __future__ import annotations

from backends.diffusers_local.starter.words import ALIASES, CANONICAL, normalise

UNKNOWN, BEGIN, END, PAD = "<unk>", "<begin>", "<end>", "<pad>"
MAX_TOKENS = 24
"""Tokens to a prompt, begin and end counted; what is longer is cut."""

TRAINED: dict[str, int] = {word: number for number, word in enumerate((UNKNOWN, BEGIN, END, PAD, *CANONICAL))}
"""Word -> row of the embedding as it is trained."""

SHIPPED: dict[str, int] = {
    **TRAINED,
    **{word: len(TRAINED) + number for number, word in enumerate(sorted(set(ALIASES) - set(TRAINED)))},
}
"""Word -> row of the embedding as it is shipped: each alias has a row, a copy of its word's."""


def unknown_words(prompt: str) -> list[str]:
    """The words of a prompt that the model does not know, in order, each once."""
    return list(dict.fromkeys(word for word in normalise(prompt) if word not in SHIPPED))


def encode_for_training(prompt: str) -> list[int]:
    """Token numbers of a prompt, aliases as the words they stand for, padded to MAX_TOKENS."""
    words = [TRAINED.get(ALIASES.get(word, word), TRAINED[UNKNOWN]) for word in normalise(prompt)]
    tokens = [TRAINED[BEGIN], *words[: MAX_TOKENS - 2], TRAINED[END]]
    return tokens + [TRAINED[PAD]] * (MAX_TOKENS - len(tokens))
