"""Files put into the outputs folder by hand: found once settled, and taken in once."""

import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from hub.media import Outputs
from hub.media.describe import to_text
from hub.media.found import Finder
from hub.media.splice import splice
from hub.store import Asked, ImageRow, Store

BLOCK = to_text({"sui_image_params": {"prompt": "a brass owl", "model": "x/y"}})


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    found = await Store.open(tmp_path / "hub.sqlite3")
    yield found
    await found.close()


@pytest.fixture
def finder(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Finder:
    """One that takes files as settled at once and rests for no time."""
    monkeypatch.setattr("hub.media.found._SETTLED_S", -1.0)
    monkeypatch.setattr("hub.media.found._REST_S", 0.0)
    return Finder(Outputs(tmp_path / "outputs"), store.images)


def put(home: Path, path: str, kind: str = "PNG", *, text: str | None = BLOCK) -> Path:
    file = home / path
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (12, 8)).save(file, kind)
    if text is not None:
        pieces = splice(file.read_bytes(), text)
        assert pieces is not None
        file.write_bytes(b"".join(pieces))
    return file


async def look(finder: Finder) -> int:
    finder.look("ann")
    return await finder.done("ann")


async def rows(store: Store) -> dict[str, ImageRow]:
    return {row.path: row for row in (await store.images.page(Asked("ann"))).rows}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
async def test_a_file_with_all_it_tells(store: Store, finder: Finder, tmp_path: Path, kind: str) -> None:
    file = put(tmp_path / "outputs/ann", f"mine/own.{kind.lower()}", kind)
    os.utime(file, (1_700_000_000, 1_700_000_000))
    assert await look(finder) == 1
    row = (await rows(store))[f"mine/own.{kind.lower()}"]
    assert (row.prompt, row.model, row.width, row.height) == ("a brass owl", "x/y", 12, 8)
    assert (row.created, row.metadata, row.bytes) == (1_700_000_000_000, BLOCK, file.stat().st_size)
    found = await store.images.page(Asked("ann", search="owl"))
    assert [row.path for row in found.rows] == [row.path]


async def test_only_what_changed_is_looked_at_and_nothing_taken_twice(
    store: Store, finder: Finder, tmp_path: Path
) -> None:
    home = tmp_path / "outputs/ann"
    put(home, "a/one.png")
    put(home, "b/two.png")
    assert (await look(finder), await look(finder)) == (2, 0)
    put(home, "b/three.png")
    put(home, "Starred/four.png")
    assert await look(finder) == 2
    assert set(await rows(store)) == {"a/one.png", "b/two.png", "b/three.png", "Starred/four.png"}
    assert (await rows(store))["Starred/four.png"].starred


async def test_what_is_no_result_stays_out(store: Store, finder: Finder, tmp_path: Path) -> None:
    home = tmp_path / "outputs/ann"
    for path in (".pending/j-0", "a/.hidden.png", "a/x.swarmpreview.jpg", "a/notes.txt", "a/x.swarm.json"):
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_bytes(b"x")
    (tmp_path / "outside.png").write_bytes(b"x")
    (home / "a/link.png").symlink_to(tmp_path / "outside.png")
    (home / "out").symlink_to(tmp_path)
    assert await look(finder) == 0


async def test_side_files_broken_files_and_other_kinds(store: Store, finder: Finder, tmp_path: Path) -> None:
    home = tmp_path / "outputs/ann"
    home.mkdir(parents=True)
    (home / "film.mp4").write_bytes(b"film")
    (home / "film.swarm.json").write_text(BLOCK)
    (home / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    put(home, "odd.png", text='{"sui_image_params": []}')
    assert await look(finder) == 3
    found = await rows(store)
    assert found["film.mp4"].prompt == "a brass owl"
    assert (found["broken.png"].width, found["odd.png"].prompt) == (0, "")


async def test_a_file_still_being_written_is_left_for_later(
    store: Store, finder: Finder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.media.found._SETTLED_S", 2.0)
    put(tmp_path / "outputs/ann", "a/one.png")
    assert await look(finder) == 0
    monkeypatch.setattr("hub.media.found._SETTLED_S", -1.0)
    assert await look(finder) == 1


async def test_a_look_takes_in_a_bounded_number(
    store: Store, finder: Finder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.media.found._MOST_NEW", 2)
    for name in "abc":
        put(tmp_path / "outputs/ann", f"x/{name}.png", text=None)
    assert [await look(finder), await look(finder), await look(finder)] == [2, 1, 0]


async def test_rest_between_looks_and_shared_folders(store: Store, tmp_path: Path) -> None:
    put(tmp_path / "outputs/ann", "a.png")
    finder = Finder(Outputs(tmp_path / "outputs", append_user=False), store.images)
    assert await look(finder) == 0
    finder = Finder(Outputs(tmp_path / "outputs"), store.images)
    assert await look(finder) == 0
    begun = time.monotonic()
    assert await look(finder) == 0
    assert time.monotonic() - begun < 1
    finder.close()
