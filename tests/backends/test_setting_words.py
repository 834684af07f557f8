"""What settings accept, as people are told."""

from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta

from backends.setting_words import accepted, repeated


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (int, "a whole number"),
        (Annotated[int, Meta(ge=1)], "a whole number of at least 1"),
        (Annotated[float, Meta(gt=0, le=0.5)], "a number of at most 0.5 and above 0"),
        (Annotated[int | None, Meta(ge=0, le=10)], "a whole number from 0 to 10"),
        (bool, "true or false"),
        (Literal["a", "b"], "one of a, b"),
        (str, "text"),
        (Annotated[str, Meta(max_length=4)], "text of at most 4 characters"),
    ],
)
def test_in_words(hint: Any, words: str) -> None:
    assert accepted(hint) == words


def test_text_is_shown_by_an_example() -> None:
    assert accepted(str, "http://10.0.0.5:8188") == "text like http://10.0.0.5:8188"


def test_long_values_are_cut() -> None:
    assert repeated(["x"]) == "'['x']'"
    assert len(repeated("y" * 500)) < 70
