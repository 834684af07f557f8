"""Tokens counted without a model are those a model reads."""

import time

import pytest

from backends.diffusers_local.prompts.counting import tokens_of
from backends.diffusers_local.prompts.tokenizer import clip_tokenizer

TEXTS = [
    "",
    "a cat",
    "A  Cat,\n1234 dogs' houses!!",
    "don't we'll",
    "Übergrößenträger ñ 猫 🙂",
    "a_b-c d.e",
    "\u0301x",
]


@pytest.mark.parametrize("text", TEXTS)
def test_as_a_model_reads_them(text: str) -> None:
    tokenizer = clip_tokenizer()
    assert tokenizer is not None
    (section,) = tokens_of(text, weighting=False)
    assert [token.id for token in section] == tokenizer(text, add_special_tokens=False)["input_ids"]


def test_weights_and_breaks() -> None:
    first, second = tokens_of("a (red cat:1.5) <break> (dog)", weighting=True)
    assert [(token.text, token.weight) for token in first] == [
        ("a</w>", 1.0),
        ("red</w>", 1.5),
        ("cat</w>", 1.5),
    ]
    assert [(token.text, token.weight) for token in second] == [("dog</w>", 1.1)]


def test_without_weighting_brackets_are_text() -> None:
    (section,) = tokens_of("(cat:1.5) BREAK", weighting=False)
    assert [token.text for token in section][:2] == ["(</w>", "cat</w>"]


def test_a_long_text_takes_little_time() -> None:
    tokens_of("", weighting=False)
    begun = time.process_time()
    tokens_of("x" * 100_000, weighting=True)
    tokens_of("(" * 50_000 + ")" * 50_000, weighting=True)
    assert time.process_time() - begun < 30  # processor seconds: what is quadratic takes minutes
