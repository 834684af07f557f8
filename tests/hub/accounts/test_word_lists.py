"""Word lists: which there are, how their lines are read, and how a word is put into a prompt."""

import os
from pathlib import Path

import pytest

from hub.accounts.word_lists import FOLDER, WordLists, Writing

PLAIN = Writing(escape=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / FOLDER
    made.mkdir()
    return made


@pytest.fixture
def lists(folder: Path) -> WordLists:
    return WordLists(folder.parent)


def test_no_folder_means_no_lists(tmp_path: Path) -> None:
    assert list(WordLists(tmp_path)) == [""]
    assert WordLists(tmp_path).entries("a.txt", PLAIN) is None


def test_which_there_are(lists: WordLists, folder: Path) -> None:
    for name in ("b.csv", "a.txt", ".hidden.txt", "c.json"):
        (folder / name).write_text("x")
    (folder / "d.txt").mkdir()
    assert list(lists) == ["", "a.txt", "b.csv"]
    assert len(lists) == 3
    assert lists["a.txt"] == "a.txt"
    with pytest.raises(KeyError):
        lists["../a.txt"]


def test_words(lists: WordLists, folder: Path) -> None:
    (folder / "a.txt").write_text("cat\n\n# note\n big dog, small\n")
    assert lists.entries("a.txt", PLAIN) == ["cat\ncat\n\n\n", "big dog, small\nbig dog, small\n\n\n"]


def test_fields(lists: WordLists, folder: Path) -> None:
    (folder / "a.csv").write_text('cat_(animal),0,1200,"kitty,tom"\ndog\n,1,2\n')
    assert lists.entries("a.csv", Writing(suffix=", ", spacing="Spaces")) == [
        "cat (animal)\ncat \\(animal\\), \n0\n1200\nkitty,tom",
        "dog\ndog, \n\n\n",
    ]
    assert lists.entries("a.csv", Writing(escape=False, spacing="Underscores"))[0].startswith(  # type: ignore[index]
        "cat_(animal)\ncat_(animal)\n"
    )


def test_read_again_only_when_changed(lists: WordLists, folder: Path) -> None:
    path = folder / "a.txt"
    path.write_text("cat")
    first = lists.entries("a.txt", PLAIN)
    assert lists.entries("a.txt", PLAIN) is first
    path.write_text("dog")
    os.utime(path, (1, 1))
    assert lists.entries("a.txt", PLAIN) == ["dog\ndog\n\n\n"]


@pytest.mark.parametrize("text", [b"\xff\xfe\x00", b'"open\nx', b"a," * 1000, b"x" * 500_000])
def test_strange_files(lists: WordLists, folder: Path, text: bytes) -> None:
    (folder / "a.csv").write_bytes(text)
    found = lists.entries("a.csv", PLAIN)
    assert found is None or all(entry.count("\n") >= 4 for entry in found)
