"""Prompts that change between steps, and every other prompt, which stays word for word."""

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.diffusers_local.prompts.switching import MAX_DEPTH, at_steps, changes


@pytest.mark.parametrize(
    ("prompt", "each"),
    [
        ("a [cat|dog]", ["a cat", "a dog", "a cat", "a dog"]),
        ("[a|b|c]", ["a", "b", "c", "a"]),
        ("[a|]x", ["ax", "x", "ax", "x"]),
        ("[cat:dog:0.5]", ["cat", "cat", "dog", "dog"]),
        ("[cat:dog:1]", ["cat", "dog", "dog", "dog"]),
        ("[cat:dog: .25 ]", ["cat", "dog", "dog", "dog"]),
        ("[cat:dog:1.0]", ["cat"] * 4),
        ("[cat:dog:0]", ["dog"] * 4),
        ("[:dog:0.5]", ["", "", "dog", "dog"]),
        ("[[a|b]:c:0.5]", ["a", "b", "c", "c"]),
        ("[(red:1.2):blue:0.5]", ["(red:1.2)", "(red:1.2)", "blue", "blue"]),
        ("([a|b]:1.5)", ["(a:1.5)", "(b:1.5)", "(a:1.5)", "(b:1.5)"]),
        ("[a|b [x]]", ["a", "b [x]", "a", "b [x]"]),
        ("[a:b|c]", ["a:b", "c", "a:b", "c"]),
        ("[<embed:x|y>|b]", ["<embed:x|y>", "b", "<embed:x|y>", "b"]),
        ("[open [a|b]", ["[open a", "[open b", "[open a", "[open b"]),
        ("[a|b] \\[c|d\\]", ["a \\[c|d\\]", "b \\[c|d\\]"] * 2),
    ],
)
def test_at_each_step(prompt: str, each: list[str]) -> None:
    assert changes(prompt)
    assert list(at_steps(prompt, 4)) == each


@pytest.mark.parametrize(
    "prompt",
    ["", "a cat", "[cat]", "[a:b]", "[a:b:c]", "[a:b:c:0.5]", "a|b", "[", "]", "]a|b[", "[a|b", "\\[a|b\\]",
     "[(a|b)]", "[a:b:[0.5]]"],
)  # fmt: skip
def test_what_never_changes_stays_word_for_word(prompt: str) -> None:
    assert not changes(prompt)
    assert at_steps(prompt, 4) == (prompt,)


def test_no_steps_still_have_a_prompt() -> None:
    assert at_steps("[a|b]", 0) == ("a",)


def test_deeper_brackets_are_text() -> None:
    prompt = "[" * (MAX_DEPTH + 3) + "a|b" + "]" * (MAX_DEPTH + 3)
    assert at_steps(prompt, 2) == (prompt,)


@given(st.text(alphabet="[]():|\\ab0.5<> ", max_size=80))
def test_any_text(prompt: str) -> None:
    each = at_steps(prompt, 3)
    assert len(each) in (1, 3)
    if not changes(prompt):
        assert each == (prompt,)


@pytest.mark.parametrize("text", ["[", "]", "[|", "[a|b]", "[a:", "<embed:", "[(", "<", "[<a:"])
def test_a_long_text_takes_little_time(text: str) -> None:
    begun = time.process_time()
    with contextlib.suppress(ValueError):
        at_steps(text * (100_000 // len(text)), 20)
    assert time.process_time() - begun < 30  # processor seconds: what is quadratic takes minutes
