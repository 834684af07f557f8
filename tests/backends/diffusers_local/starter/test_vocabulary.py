"""The torch-free word list agrees with the shipped tokenizer."""

import subprocess
import sys

import pytest
from transformers import AutoTokenizer

from backends.diffusers_local.starter.loading import WEIGHTS
from backends.diffusers_local.starter.vocabulary import MAX_TOKENS, SHIPPED, unknown_words
from backends.diffusers_local.starter.words import normalise


def test_unknown_words_are_named_once_and_in_order() -> None:
    assert unknown_words("A RED circle, (ridden) by a zebra; ridden!") == ["ridden", "zebra"]
    assert unknown_words("three blue stars") == []
    assert unknown_words("") == []


@pytest.mark.parametrize(
    "prompt",
    [
        "a red circle on a blue background",
        "A GREY disc -- upper-left, please!",
        "café: Ωmega 3 stars\n(two:1.2)",
        "ÉTOILE İstanbul ﬁve",
        "   ",
    ],
)
def test_the_tokenizer_finds_the_same_words(prompt: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(WEIGHTS / "tokenizer", local_files_only=True)
    numbers = tokenizer(prompt).input_ids[1:-1]
    assert numbers == [SHIPPED.get(word, SHIPPED["<unk>"]) for word in normalise(prompt)]


def test_long_prompts_are_cut_to_the_models_length() -> None:
    tokenizer = AutoTokenizer.from_pretrained(WEIGHTS / "tokenizer", local_files_only=True)
    numbers = tokenizer("red " * 50, truncation=True, padding="max_length").input_ids
    assert len(numbers) == MAX_TOKENS == tokenizer.model_max_length


def test_the_word_list_needs_no_torch() -> None:
    code = (
        "import sys, backends.diffusers_local.starter.vocabulary; "
        "sys.exit(any(name in sys.modules for name in ('torch', 'diffusers', 'transformers', 'numpy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
