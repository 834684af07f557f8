"""The built page's files: packed, checked, cached for ever where the name says so, never from outside."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from hub.wire.answers import Answer
from hub.wire.files import Files


@pytest.fixture
def files(tmp_path: Path) -> Files:
    root = tmp_path / "static"
    (root / "assets").mkdir(parents=True)
    (root / "index.html").write_text("<p>page</p>" * 200)
    (root / "assets" / "index-a1B2c3D4.js").write_text("let x = 1;" * 500)
    (root / "assets" / "icon.svg").write_text("<svg/>")
    (tmp_path / "secret.txt").write_text("secret")
    (root / "link.txt").symlink_to(tmp_path / "secret.txt")
    return Files(root)


def scope(**headers: str) -> dict[str, Any]:
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"method": "GET", "headers": named}


async def ask(files: Files, name: str, **headers: str) -> tuple[Answer, dict[bytes, bytes]]:
    answer = await files.answer(name, scope(**headers))
    assert answer is not None
    return answer, dict(answer.headers)


async def test_packed_only_for_who_asks(files: Files) -> None:
    plain, headers = await ask(files, "index.html")
    assert plain.body.startswith(b"<p>page")
    assert b"content-encoding" not in headers
    packed, headers = await ask(files, "index.html", accept_encoding="gzip, br")
    assert gzip.decompress(packed.body) == plain.body
    assert headers[b"content-encoding"] == b"gzip"


async def test_hashed_names_are_kept_for_ever(files: Files) -> None:
    _, headers = await ask(files, "assets/index-a1B2c3D4.js")
    assert b"immutable" in headers[b"cache-control"]
    _, headers = await ask(files, "index.html")
    assert headers[b"cache-control"] == b"no-cache"


async def test_unchanged(files: Files) -> None:
    _, headers = await ask(files, "assets/icon.svg")
    again, _ = await ask(files, "assets/icon.svg", if_none_match=headers[b"etag"].decode())
    assert (again.status, again.body) == (304, b"")


async def test_a_new_build_is_seen(files: Files) -> None:
    await ask(files, "index.html")
    (files.root / "index.html").write_text("new")
    assert (await ask(files, "index.html"))[0].body == b"new"


@pytest.mark.parametrize(
    "name", ["../secret.txt", "/etc/passwd", "link.txt", "assets", "", "none", "a\0b", "x" * 5000]
)
async def test_nothing_outside(files: Files, name: str) -> None:
    assert await files.answer(name, scope()) is None
