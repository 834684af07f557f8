"""Prompts taken apart at breaks, weights and the names of textual inversions."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.diffusers_local.prompts.sections import Named, named, sections
from backends.diffusers_local.prompts.weighting import Piece

FILES = ("sub/Style.safetensors", "style-two.safetensors", "odd name (v1).safetensors", "Bad/style.sft")


def plain(prompt: str) -> list[list[str]]:
    return [
        [part.text if isinstance(part, Piece) else f"={part.name}" for part in section]
        for section in sections(prompt, FILES)
    ]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("", [[]]),
        ("a red circle", [["a red circle"]]),
        ("a <break> b", [["a"], ["b"]]),
        ("a BREAK b", [["a"], ["b"]]),
        ("a\nBREAK\nb<BREAK>c", [["a"], ["b"], ["c"]]),
        ("a break b, BREAKFAST", [["a break b, BREAKFAST"]]),
        ("BREAK a BREAK BREAK b BREAK", [["a"], ["b"]]),
        ("BREAK", [[]]),
        ("<embed:sub/Style.safetensors>", [["=sub/Style.safetensors"]]),
        ("a <embed:sub/Style.safetensors>, b", [["a ", "=sub/Style.safetensors", ", b"]]),
        ("<EMBEDDING: sub/style >", [["=sub/Style.safetensors"]]),
        ("embedding:style", [["=sub/Style.safetensors"]]),
        ("embedding:style, b", [["=sub/Style.safetensors", ", b"]]),
        ("embedding:style.", [["=sub/Style.safetensors", "."]]),
        ("embedding:style-two", [["=style-two.safetensors"]]),
        ("embedding:styles", [["embedding:styles"]]),
        ("embedding:bad/style", [["=Bad/style.sft"]]),
        ("<embed:odd name (v1).safetensors> b", [["=odd name (v1).safetensors", " b"]]),
        ("<embed:unknown> <lora:x>", [["<embed:unknown> <lora:x>"]]),
        ("my_embedding:style", [["my_embedding:style"]]),
    ],
)
def test_parts(prompt: str, expected: list[list[str]]) -> None:
    assert plain(prompt) == expected


def test_weights_go_through_names_and_breaks() -> None:
    assert sections("(a BREAK b <embed:style>:1.3)", FILES) == (
        (Piece("a", 1.3),),
        (Piece("b ", 1.3), Named("sub/Style.safetensors", 1.3)),
    )
    assert sections("(embedding:style:0.5)", FILES) == ((Named("sub/Style.safetensors", 0.5),),)


def test_what_is_named_counts_once() -> None:
    prompt = "<embed:style-two> a (embedding:style) <embed:style-two>"
    assert named(prompt, FILES) == ("style-two.safetensors", "sub/Style.safetensors")
    assert named(prompt, ()) == ()


@given(st.text(alphabet=st.sampled_from("ab ()<>:\\BREAKembdingstyl/.-\n"), max_size=120))
def test_any_prompt_is_taken_apart(prompt: str) -> None:
    made = sections(prompt, FILES)
    assert made
    assert all(part.text for section in made for part in section if isinstance(part, Piece))


@given(st.text(alphabet=st.characters(exclude_characters="()\\<")).filter(lambda text: "BREAK" not in text))
def test_plain_text_is_one_piece(text: str) -> None:
    assert sections(text, ()) == (((Piece(text),),) if text else ((),))


@pytest.mark.parametrize("unit", [" ", "<embed:", "embedding:", "BREAK ", "<break", "(<embed:style", "\n"])
def test_long_prompts_take_no_time(unit: str) -> None:
    begun = time.process_time()
    sections(unit * 20_000, FILES)
    assert time.process_time() - begun < 30  # processor seconds: what is quadratic takes minutes
