"""Long prompts in windows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.diffusers_local.prompts.windows import fill


def words(text: str) -> list[str]:
    return text.split()


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ([], [""]),
        ([""], [""]),
        (["ab c"], ["abc"]),
        (["abc de"], ["abcde"]),
        (["abc def"], ["abc", "def"]),  # a word moves whole
        (["abcdef"], ["abcde", "f"]),  # one that fits nowhere is cut
        (["ab cdefghijkl"], ["abcde", "fghij", "kl"]),
        (["ab", "c"], ["ab", "c"]),
        (["abcde f", "g"], ["abcde", "f", "g"]),
        (["", "a", ""], ["a"]),
    ],
)
def test_windows_of_five(sections: list[str], expected: list[str]) -> None:
    assert ["".join(window) for window in fill([words(text) for text in sections], 5)] == expected


@given(st.lists(st.lists(st.lists(st.integers(), min_size=1, max_size=12), max_size=30), max_size=5))
def test_every_token_is_in_one_window_in_order(sections: list[list[list[int]]]) -> None:
    windows = fill(sections, 10)
    assert windows and all(len(window) <= 10 for window in windows)
    assert [token for window in windows for token in window] == [
        token for section in sections for word in section for token in word
    ]
    used = len([section for section in sections if section])
    assert len(windows) >= used
    assert len(windows) == 1 or all(windows)
