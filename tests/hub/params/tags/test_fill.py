"""Tags in prompts: known ones are carried out, everything else stays as it was typed."""

import time

import pytest

from hub.params import Context
from hub.params.tags.fill import MAX_DEPTH, filled
from hub.params.tags.tag import Filling
from tests.hub.params.conftest import person


@pytest.fixture
def filling(context: Context) -> Filling:
    return Filling(context.catalog, person(), most=100_000)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a cat",
        "a < b > c",
        "<",
        ">",
        "<<>>",
        "<nothing:here>",
        "x<random:a,b>y",
        "((a:1.2), b) <break> BREAK",
        "<lora",
        "lora:style>",
        "<lorax:style>",
        "a > b < c",
        "<3 <3",
    ],
)
def test_what_is_no_tag_stays(filling: Filling, text: str) -> None:
    assert filled(text, filling) == text
    assert filling.prompted == []


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("<lora:style>", ""),
        ("a<lora:style>b", "ab"),
        ("a < b<lora:style> c", "a < b c"),
        ("<unknown:<lora:style>>", "<unknown:>"),
        ("< LORA :style>", ""),
        ("<lora:style><lora:style>>", ">"),
        ("<embed:bad hands>", "<embed:bad hands.safetensors>"),
    ],
)
def test_tags_are_carried_out(filling: Filling, text: str, left: str) -> None:
    assert filled(text, filling) == left


def test_weights(filling: Filling) -> None:
    filled("<lora:style:-0.5:2><lora:style>", filling)
    assert [(one.weight, one.text_weight) for one in filling.prompted] == [(-0.5, 2.0), (None, None)]


def test_deeper_brackets_are_text(filling: Filling) -> None:
    text = "<x:" * (MAX_DEPTH + 5) + "<lora:style>" + ">" * (MAX_DEPTH + 5)
    assert filled(text, filling) == text


@pytest.mark.parametrize(
    "text", ["<" * 100_000, "<a:" * 33_000, "<>" * 50_000, "><" * 50_000, "<lora:" * 16_000]
)
def test_a_hundred_kilobytes_of_brackets_take_no_time(filling: Filling, text: str) -> None:
    begun = time.perf_counter()
    assert filled(text, filling) == text
    assert time.perf_counter() - begun < 2
