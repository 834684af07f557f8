"""Words that must not be in prompts: found however they are dressed, and only as whole words."""

import pytest

from hub.safety.checkers.words import first_word, plain


@pytest.mark.parametrize(
    "text",
    [
        "a bad thing",
        "BAD",
        "so (bad:1.3), really",
        "bad,thing",
        "b\u200bad",
        "Bäd",
        "ｂａｄ",
        "<alternate:bad||good>",
        '{"text": "bad"}',
        "very\nbad\tcat",
    ],
)
def test_it_is_found(text: str) -> None:
    assert first_word(text, ("other", "bad")) == "bad"


@pytest.mark.parametrize("text", ["a badger", "forbad", "ba d", "good", ""])
def test_it_is_not_found_in_others(text: str) -> None:
    assert first_word(text, ("bad",)) is None


def test_phrases() -> None:
    assert first_word("a very, very Bad_Cat!", ("bad cat",)) == "bad cat"
    assert first_word("a (bad:1.25) cat", ("bad cat",)) == "bad cat"
    assert first_word("a bad old cat", ("bad cat",)) is None


def test_an_empty_word_is_in_nothing() -> None:
    assert first_word("anything at all", ("", " ", "!!!")) is None
    assert plain("!!!").strip() == ""
