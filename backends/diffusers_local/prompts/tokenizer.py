"""CLIP's tokenizer, made from the installed word list.

Single-file checkpoints bring no tokenizer, and all of them were trained with this one.
"""

from transformers import CLIPTokenizer

from backends.diffusers_local.prompts.words import WINDOW, clip_words


def clip_tokenizer() -> CLIPTokenizer | None:
    """A new tokenizer, padding with its end token; None when the package or its word list is missing."""
    words = clip_words()
    if words is None:
        return None
    vocabulary, merges = words
    return CLIPTokenizer(vocab=dict(vocabulary), merges=list(merges), model_max_length=WINDOW)
