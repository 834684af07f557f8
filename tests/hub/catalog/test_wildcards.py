"""Wildcards: what is read, found, written and taken away, and that nothing outside is touched."""

from pathlib import Path

import pytest

from hub.catalog import Wildcards
from hub.catalog.wildcards import MAX_DEPTH, clean_name, options_of
from hub.errors import BadInput, HubError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "wildcards"


@pytest.fixture
def wildcards(folder: Path) -> Wildcards:
    return Wildcards(folder)


async def write(wildcards: Wildcards, name: str, text: str, picture: bytes | None = None) -> None:
    await wildcards.edit(name, text, picture, keep_picture=True)


def test_options() -> None:
    text = "# colours\nred\n\n  deep blue  # like the sea\r\n#none\na\\nb\n#\nC#\n"
    assert options_of(text) == ("red", "deep blue", "a\nb", "C#")


async def test_no_folder_means_none(wildcards: Wildcards) -> None:
    await wildcards.refresh()
    assert wildcards.all == {}


async def test_written_found_and_taken_away(wildcards: Wildcards, folder: Path) -> None:
    await write(wildcards, "animals/small/Pets", "cat\ndog")
    await write(wildcards, "colour.txt", "red")
    assert list(wildcards.all) == ["animals/small/Pets", "colour"]
    assert wildcards.find("pets").options == ("cat", "dog")
    assert wildcards.find("Animals/Small/pets").name == "animals/small/Pets"
    assert wildcards.exact("COLOUR").options == ("red",)
    with pytest.raises(HubError):
        wildcards.exact("pets")
    await wildcards.delete("animals/small/pets")
    assert list(wildcards.all) == ["colour"]
    assert sorted(path.name for path in folder.iterdir()) == ["colour.txt"]
    with pytest.raises(HubError):
        await wildcards.delete("animals/small/pets")


async def test_one_name_in_any_letter_case_is_one_wildcard(wildcards: Wildcards, folder: Path) -> None:
    await write(wildcards, "Colour", "red")
    await write(wildcards, "colour", "blue")
    assert [path.name for path in folder.iterdir()] == ["Colour.txt"]
    assert wildcards.find("colour").options == ("blue",)


async def test_pictures_are_kept_replaced_and_cleared(wildcards: Wildcards) -> None:
    await write(wildcards, "a", "x", b"first")
    await write(wildcards, "a", "y")
    found = wildcards.exact("a")
    assert found.picture is not None and found.picture.read_bytes() == b"first"
    await wildcards.edit("a", "y", None, keep_picture=False)
    assert wildcards.exact("a").picture is None


async def test_unchanged_files_are_not_read_again(wildcards: Wildcards, folder: Path) -> None:
    await write(wildcards, "a", "x")
    await write(wildcards, "b", "x")
    before = dict(wildcards.all)
    (folder / "b.txt").write_text("another")
    await wildcards.refresh()
    assert wildcards.all["a"] is before["a"]
    assert wildcards.all["b"].options == ("another",)


@pytest.mark.parametrize(
    "name",
    ["", "  ", "/", "..", "../x", "a/../../x", ".hidden", "a/.b", "a\0b", "a:b", "x" * 200, "a\nb", "a<b>",
     "a[1]", "/".join("a" * (MAX_DEPTH + 1))],
)  # fmt: skip
async def test_names_no_file_can_have(wildcards: Wildcards, folder: Path, name: str) -> None:
    with pytest.raises(BadInput) as refused:
        await write(wildcards, name, "x")
    assert refused.value.extra["field"] == "card"
    assert not folder.exists()


def test_names_are_cleaned() -> None:
    assert clean_name("/a\\b/ c .txt") == "a/b/c"
    assert clean_name("Übung 1") == "Übung 1"


async def test_a_folder_that_leads_out_is_not_written_to(wildcards: Wildcards, folder: Path) -> None:
    folder.mkdir()
    outside = folder.parent / "outside"
    outside.mkdir()
    (folder / "link").symlink_to(outside)
    with pytest.raises(BadInput):
        await write(wildcards, "link/a", "x")
    assert not list(outside.iterdir())


async def test_what_is_no_text_file_is_left_out(wildcards: Wildcards, folder: Path) -> None:
    (folder / "dir.txt").mkdir(parents=True)
    (folder / "a.csv").write_text("x")
    (folder / ".b.txt").write_text("x")
    (folder / "c.txt").write_bytes(b"\xff\xfe\0x\n\xef\xbb\xbf")
    await wildcards.refresh()
    assert list(wildcards.all) == ["c"]
    assert "\0" not in wildcards.all["c"].raw
