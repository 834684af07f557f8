"""GET and POST /hub/v1/history/zip: one's own pictures as one file."""

import io
import json
import zipfile
from typing import Any

import httpx
import pytest
import pytest_asyncio

from hub.accounts import Sessions, Tokens
from hub.media import Media
from hub.store import ImageRow, Store
from tests.hub.running import RunningHub

pytestmark = pytest.mark.asyncio(loop_scope="module")
PATH = "/hub/v1/history/zip"


class Album:
    """A user with pictures."""

    def __init__(self, hub: RunningHub, user: str, session: str) -> None:
        self.hub, self.user, self.session = hub, user, session

    async def add(self, path: str, created: int = 1_000, **more: Any) -> None:
        """A picture whose bytes are its path."""
        file = self.hub.room(Media).outputs.home(self.user) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(path.encode())
        row = ImageRow(
            "j", 0, self.user, path, created, prompt=path, metadata=json.dumps({"of": path}), **more
        )
        await self.hub.room(Store).images.add(row)

    async def names(self, **asked: Any) -> list[str]:
        """The names in the archive of what was asked for by GET."""
        return (await self.archive(**asked)).namelist()

    async def archive(self, **asked: Any) -> zipfile.ZipFile:
        answer = await self.hub.http.get(PATH, params=asked, headers={"X-Session-ID": self.session})
        assert answer.status_code == 200, answer.text
        found = zipfile.ZipFile(io.BytesIO(answer.content))
        assert found.testzip() is None
        return found


@pytest_asyncio.fixture(loop_scope="module")
async def album(shared_hub: RunningHub) -> Album:
    session = await shared_hub.session_as("user")
    caller = shared_hub.room(Sessions).find(session)
    assert caller is not None
    return Album(shared_hub, caller.user, session)


async def test_nobody_and_who_may_not_look(shared_hub: RunningHub) -> None:
    headers = {"X-Forwarded-For": "9.9.9.9"}
    answer = await shared_hub.http.get(PATH, headers=headers)
    assert (answer.status_code, answer.json()["error_id"]) == (401, "invalid_session_id")
    session = await shared_hub.session_as("guest")
    answer = await shared_hub.http.get(PATH, headers={"X-Session-ID": session})
    assert (answer.status_code, answer.json()["permission"]) == (400, "view_image_history")


@pytest.mark.parametrize(
    ("asked", "field"), [({"ids": "1,x"}, "ids"), ({"ids": "²"}, "ids"), ({"since": "-1"}, "since")]
)
async def test_what_cannot_be_read_is_named(album: Album, asked: dict[str, str], field: str) -> None:
    answer = await album.hub.http.get(PATH, params=asked, headers={"X-Session-ID": album.session})
    assert answer.json()["field"] == field


async def test_all_newest_first_with_what_each_tells(album: Album) -> None:
    await album.add("raw/a.png", 1_000)
    await album.add("b.png", 2_000)
    archive = await album.archive()
    assert archive.namelist() == ["b.png", "b.png.json", "raw/a.png", "raw/a.png.json"]
    assert archive.read("raw/a.png") == b"raw/a.png"
    assert json.loads(archive.read("b.png.json")) == {"of": "b.png"}
    assert await album.names(metadata="false") == ["b.png", "raw/a.png"]


async def test_it_is_a_download_that_no_cache_keeps(album: Album) -> None:
    answer = await album.hub.post(PATH, {"session_id": album.session})
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"].startswith(f'attachment; filename="history-{album.user}-')
    assert answer.headers["cache-control"] == "no-store"
    assert zipfile.ZipFile(io.BytesIO(answer.content)).namelist() == []
    head = await album.hub.http.head(PATH, headers={"X-Session-ID": album.session})
    assert (head.status_code, head.content) == (200, b"")


async def test_some(album: Album) -> None:
    await album.add("raw/red.png", 1_000_000, starred=True)
    await album.add("raw/deep/blue.png", 2_000_000)
    await album.add("other/red two.png", 3_000_000)
    row = album.hub.room(Store).images.by_path(album.user, "other/red two.png")
    assert row is not None
    for asked, names in (
        ({"folder": "raw"}, ["raw/deep/blue.png", "raw/red.png"]),
        ({"search": "red"}, ["other/red two.png", "raw/red.png"]),
        ({"starred": "true"}, ["raw/red.png"]),
        ({"since": "2000"}, ["other/red two.png", "raw/deep/blue.png"]),
        ({"since": "2000", "until": "3000"}, ["raw/deep/blue.png"]),
        ({"ids": str(row.id)}, ["other/red two.png"]),
        ({"paths": "raw/red.png\nraw/red.png"}, ["raw/red.png"]),
        ({"folder": "nowhere"}, []),
    ):
        assert await album.names(**asked, metadata="false") == names, asked


async def test_never_those_of_others(album: Album, shared_hub: RunningHub) -> None:
    await album.add("mine.png")
    row = shared_hub.room(Store).images.by_path(album.user, "mine.png")
    assert row is not None
    session = await shared_hub.session_as("owner")
    asked = {"ids": str(row.id), "paths": "mine.png"}
    answer = await shared_hub.http.get(PATH, params=asked, headers={"X-Session-ID": session})
    assert zipfile.ZipFile(io.BytesIO(answer.content)).namelist() == ["not in here.txt"]


async def test_a_picture_that_went_is_left_out_and_named(album: Album) -> None:
    for name in ("a.png", "b.png", "escape.png"):
        await album.add(name)
    home = album.hub.room(Media).outputs.home(album.user)
    (home / "b.png").unlink()
    (home / "escape.png").unlink()
    (home / "escape.png").symlink_to("/etc/passwd")
    archive = await album.archive(metadata="false", paths="a.png\nb.png\nescape.png\nnever.png")
    assert archive.namelist() == ["a.png", "not in here.txt"]
    note = archive.read("not in here.txt").decode()
    assert {"b.png", "escape.png", "never.png"} <= set(note.split("\n"))


async def test_odd_names_become_safe_and_stay_apart(album: Album) -> None:
    for name in ("x:1.png", "x?1.png", "X_1.png", "not in here.txt"):
        await album.add(name)
    names = await album.names(metadata="false")
    assert len({name.casefold() for name in names}) == 4
    assert not set("".join(names)) & set(':?"')
    assert "not in here (2).txt" in names


async def test_a_token_opens_it_like_a_picture_and_its_flags_count(album: Album) -> None:
    await album.add("mine.png")
    tokens = album.hub.room(Tokens)
    good = await tokens.create(album.user, "bot", flags=("view_image_history",))
    bad = await tokens.create(album.user, "bot", flags=("read_user_settings",))
    async with httpx.AsyncClient(base_url=album.hub.url) as visitor:
        answer = await visitor.get(PATH, headers={"Authorization": f"Bearer {good}"})
        assert zipfile.ZipFile(io.BytesIO(answer.content)).namelist() == ["mine.png", "mine.png.json"]
        answer = await visitor.get(PATH, headers={"Cookie": f"swarm_token={good}"})
        assert answer.headers["content-type"] == "application/zip"
        answer = await visitor.get(PATH, headers={"Authorization": f"Bearer {bad}"})
        assert answer.json()["permission"] == "view_image_history"
