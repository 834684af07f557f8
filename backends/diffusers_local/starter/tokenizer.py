"""Builds the shipped tokenizer: whole words, lower case, everything but letters and digits divides words."""

from __future__ import annotations

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from backends.diffusers_local.starter.vocabulary import BEGIN, END, MAX_TOKENS, PAD, SHIPPED, UNKNOWN


def build_tokenizer() -> PreTrainedTokenizerFast:
    """A fast tokenizer with the shipped vocabulary; agrees with vocabulary.unknown_words on words."""
    inner = Tokenizer(models.WordLevel(SHIPPED, unk_token=UNKNOWN))
    inner.normalizer = normalizers.Sequence(
        [normalizers.Lowercase(), normalizers.Replace(Regex("[^a-z0-9]+"), " "), normalizers.Strip()]
    )
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    inner.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A {END}", special_tokens=[(BEGIN, SHIPPED[BEGIN]), (END, SHIPPED[END])]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        unk_token=UNKNOWN,
        bos_token=BEGIN,
        eos_token=END,
        pad_token=PAD,
        model_max_length=MAX_TOKENS,
        padding_side="right",
    )
