"""Weights in prompts, as ComfyUI and SwarmUI read them."""

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.diffusers_local.prompts.weighting import Piece, escaped, weigh


def pieces(prompt: str) -> list[tuple[str, float]]:
    return [(piece.text, round(piece.weight, 6)) for piece in weigh(prompt)]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("", []),
        ("a red circle", [("a red circle", 1.0)]),
        ("a (red) circle", [("a ", 1.0), ("red", 1.1), (" circle", 1.0)]),
        ("a (red:1.2) circle", [("a ", 1.0), ("red", 1.2), (" circle", 1.0)]),
        ("((red))", [("red", 1.21)]),
        ("((red:1.3))", [("red", 1.3)]),  # a number replaces what is around it
        ("(a (red:0.5) circle)", [("a ", 1.1), ("red", 0.5), (" circle", 1.1)]),
        ("(a (red) circle:0.5)", [("a ", 0.5), ("red", 0.55), (" circle", 0.5)]),
        ("(a:-1)(b:+2)(c:.5)(d:3.)", [("a", -1.0), ("b", 2.0), ("c", 0.5), ("d", 3.0)]),
        ("(a: 1.5 )", [("a", 1.5)]),
        ("(a:b:2)", [("a:b", 2.0)]),
        ("(16:9)", [("16", 9.0)]),
        ("(:2)", [(":2", 1.1)]),  # nothing before the colon to weigh
        ("(a:)", [("a:", 1.1)]),
        ("(a:nan)(b:inf)(c:1e3)(d:1_0)", [("a:nan", 1.1), ("b:inf", 1.1), ("c:1e3", 1.1), ("d:1_0", 1.1)]),
        ("(a:١)", [("a:١", 1.1)]),
        ("(a:0)", [("a", 0.0)]),
        ("(a:99999999999)", [("a", 100.0)]),
        ("()", []),
        ("(a)(b)", [("a", 1.1), ("b", 1.1)]),
        (r"a \(red\) circle", [("a (red) circle", 1.0)]),
        (r"(a \(red:1.2\):1.3)", [("a (red:1.2)", 1.3)]),
        (r"C:\dir \x", [(r"C:\dir \x", 1.0)]),
        ("a (red circle", [("a (red circle", 1.0)]),
        ("a red) circle", [("a red) circle", 1.0)]),
        (":-) smile (:", [(":-) smile (:", 1.0)]),
        ("((a:1.5)", [("(", 1.0), ("a", 1.5)]),
        ("(a:1.5))", [("a", 1.5), (")", 1.0)]),
        (")(", [(")(", 1.0)]),
        ("a [red] {circle}", [("a [red] {circle}", 1.0)]),
        ("(embedding:thing:1.4)", [("embedding:thing", 1.4)]),
        ("(<embed:thing>)", [("<embed:thing>", 1.1)]),
    ],
)
def test_weights(prompt: str, expected: list[tuple[str, float]]) -> None:
    assert pieces(prompt) == expected


@given(st.text())
def test_escaped_text_comes_back_word_for_word(text: str) -> None:
    assert weigh(escaped(text)) == ((Piece(text),) if text else ())


@given(st.text(alphabet=st.sampled_from("ab ()\\:.1-+<>\n"), max_size=200))
def test_any_prompt_is_read(prompt: str) -> None:
    made = weigh(prompt)
    assert all(piece.text and math.isfinite(piece.weight) for piece in made)
    # nothing is invented or moved: what is left out are brackets, escapes and weights
    rest = iter(prompt)
    assert all(sign in rest for piece in made for sign in piece.text)


@given(st.text(alphabet=st.characters(exclude_characters="()\\")))
def test_text_without_brackets_is_itself(text: str) -> None:
    assert weigh(text) == ((Piece(text),) if text else ())


@pytest.mark.parametrize("unit", ["(", ")", "(a:", "(a", "\\", ":1)", "()", "(:1)"])
def test_deep_and_long_prompts_take_no_time(unit: str) -> None:
    begun = time.process_time()
    count = 20_000
    weigh(unit * count)
    made = weigh("(" * count + "a" + ")" * count)
    assert made == (Piece("a", 100.0),)
    assert time.process_time() - begun < 30  # processor seconds: what is quadratic takes minutes
