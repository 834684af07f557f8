"""Names in archives: none leads out, none is there twice, none upsets another system."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.media.archive_names import LONGEST_PART, Names, safe_name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("raw/day/a cat.png", "raw/day/a cat.png"),
        ("/etc/passwd", "etc/passwd"),
        ("a/../../b.png", "a/_/_/b.png"),
        ("..", "_"),
        ("", "_"),
        ("c:\\evil?.png", "c__evil_.png"),
        ("con.png", "_con.png"),
        ("ends. . /x. ", "ends/x"),
        ("line\nbreak\x7f.png", "line_break_.png"),
        ("right\u202eto-left.png", "right_to-left.png"),
        ("Katze-ä.png", "Katze-ä.png"),
    ],
)
def test_a_path_becomes_a_safe_name(path: str, name: str) -> None:
    assert safe_name(path) == name


def test_the_same_name_is_numbered_whatever_its_letter_case() -> None:
    names = Names()
    assert [names.take(path) for path in ("a/X.png", "a/x.png", "a/x?.png", "A/x.PNG", "b", "B")] == [
        "a/X.png",
        "a/x (2).png",
        "a/x_.png",
        "A/x (2).PNG".replace("(2)", "(3)"),
        "b",
        "B (2)",
    ]


@given(st.lists(st.text(), max_size=20))
def test_any_text(paths: list[str]) -> None:
    names = Names()
    taken = [names.take(path) for path in paths]
    assert len({name.casefold() for name in taken}) == len(paths)
    for name in taken:
        parts = name.split("/")
        assert ".." not in parts and "" not in parts and "\\" not in name
        assert all(len(part) <= LONGEST_PART + 20 for part in parts)
