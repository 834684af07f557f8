"""A folder's view: depth, order, cap."""

from pathlib import Path

import pytest

from hub.catalog import Entry, list_folder
from hub.catalog.listing import MAX_LISTED
from hub.errors import BadInput


def entries(*names: str) -> list[Entry]:
    return [
        Entry(
            name=name,
            subtype="LoRA",
            path=Path(name),
            title=name[::-1],
            created=100 - place,
            modified=place + 1,
        )
        for place, name in enumerate(names)
    ]


NAMES = ("a.sft", "one/b.sft", "one/two/c.sft", "one/two/three/d.sft")


def names(path: str, depth: int, *, sort_by: str = "Name", reverse: bool = False) -> list[str]:
    found = list_folder(entries(*NAMES), path, depth=depth, sort_by=sort_by, reverse=reverse)
    return [entry.name for entry in found.entries]


class TestDepth:
    @pytest.mark.parametrize(
        ("depth", "count", "folders"),
        [
            (-5, 1, ("one",)),
            (1, 1, ("one",)),
            (2, 2, ("one", "one/two")),
            (999, 4, ("one", "one/two", "one/two/three")),
        ],
    )
    def test_held_between_one_and_twenty(self, depth: int, count: int, folders: tuple[str, ...]) -> None:
        found = list_folder(entries(*NAMES), "", depth=depth, sort_by="Name", reverse=False)
        assert len(found.entries) == count
        assert found.folders == folders

    @pytest.mark.parametrize("path", ["one", "/one/", "one//", "\\one"])
    def test_folders_are_relative_to_the_path(self, path: str) -> None:
        found = list_folder(entries(*NAMES), path, depth=1, sort_by="Name", reverse=False)
        assert [entry.name for entry in found.entries] == ["one/b.sft"]
        assert found.folders == ("two",)

    def test_a_folder_is_no_prefix_of_a_name(self) -> None:
        assert names("on", 5) == []


class TestOrder:
    def test_by_name_and_reversed(self) -> None:
        assert names("", 9) == sorted(NAMES)
        assert names("", 9, reverse=True) == sorted(NAMES, reverse=True)

    def test_by_title(self) -> None:
        assert names("", 9, sort_by="title") == sorted(NAMES, key=lambda name: name[::-1])

    def test_newest_first(self) -> None:
        assert names("", 9, sort_by="DateCreated")[0] == "a.sft"
        assert names("", 9, sort_by="DateModified")[0] == "one/two/three/d.sft"

    def test_an_unknown_order_is_refused(self) -> None:
        with pytest.raises(BadInput) as refused:
            names("", 1, sort_by="Colour")
        assert refused.value.body() == {
            "error": "Invalid sort mode 'Colour'.",
            "field": "sortBy",
            "limit": ["Name", "Title", "DateCreated", "DateModified"],
        }


def test_never_more_than_the_cap() -> None:
    many = entries(*(f"{number:05}.sft" for number in range(MAX_LISTED + 10)))
    assert len(list_folder(many, "", depth=1, sort_by="Name", reverse=False).entries) == MAX_LISTED
