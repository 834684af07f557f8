"""Ranges and types of served files."""

from pathlib import Path

import pytest

from hub.media import (
    NoSuchRange,
    Outputs,
    OutsideOutputs,
    disposition,
    find_file,
    read_part,
    read_range,
)


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (None, None),
        ("bytes=0-0", (0, 0)),
        ("bytes=2-", (2, 9)),
        ("bytes=-3", (7, 9)),
        ("bytes=-30", (0, 9)),
        ("bytes=5-99", (5, 9)),
        ("bytes=0-1,3-4", None),
        ("bytes=x-y", None),
        ("bytes=", None),
        ("bytes=-", None),
        ("lines=1-2", None),
    ],
)
def test_ranges(header: str | None, part: tuple[int, int] | None) -> None:
    assert read_range(header, 10) == part


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=5-4", "bytes=-0", "bytes=11-12"])
def test_ranges_outside_the_file(header: str) -> None:
    with pytest.raises(NoSuchRange):
        read_range(header, 10)


@pytest.fixture
def outputs(tmp_path: Path) -> Outputs:
    made = Outputs(tmp_path)
    home = made.home("u")
    home.mkdir()
    for name in ("a.png", "b.html", "c.svg", "d.weird", "e.JPG"):
        (home / name).write_bytes(b"0123456789")
    (home / "folder").mkdir()
    (home / ".pending").mkdir()
    (home / ".pending" / "x").touch()
    return made


def test_types_and_how_long_they_may_be_kept(outputs: Outputs) -> None:
    found = {name: find_file(outputs, "u", name) for name in ("a.png", "b.html", "c.svg", "d.weird", "e.JPG")}
    seen = {name: (file.kind, file.seconds, file.inline) for name, file in found.items() if file is not None}
    assert seen == {
        "a.png": ("image/png", 30, True),
        "b.html": ("text/html", 2, False),
        "c.svg": ("image/svg+xml", 30, False),
        "d.weird": ("application/octet-stream", 30, False),
        "e.JPG": ("image/jpeg", 30, True),
    }


def test_what_is_not_served(outputs: Outputs) -> None:
    assert find_file(outputs, "u", "folder") is None
    assert find_file(outputs, "u", "none.png") is None
    assert find_file(outputs, "u", "x" * 5000) is None
    for path in (".pending/x", "../u/a.png", "folder/../../x"):
        with pytest.raises(OutsideOutputs):
            find_file(outputs, "u", path)


def test_a_part(outputs: Outputs) -> None:
    assert read_part(outputs.home("u") / "a.png", 3, 4) == b"3456"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a b.png", "inline; filename=\"a b.png\"; filename*=UTF-8''a%20b.png"),
        ('a"; x=\\".png', "inline; filename=\"a_; x=__.png\"; filename*=UTF-8''a%22%3B%20x%3D%5C%22.png"),
        (
            "a\r\nSet-Cookie: x.png",
            "filename=\"a__Set-Cookie: x.png\"; filename*=UTF-8''a%0D%0ASet-Cookie%3A%20x.png",
        ),
        ("ü.png", "inline; filename=\"_.png\"; filename*=UTF-8''%C3%BC.png"),
    ],
)
def test_a_name_is_told_and_cannot_leave_its_header(name: str, told: str) -> None:
    said = disposition(name, inline=True)
    assert said.endswith(told)
    assert said.isascii() and said.isprintable()
    assert disposition(name, inline=False).startswith("attachment; filename=")
