"""Archives of pictures: bounded in memory, past four gigabytes, whole when a picture goes meanwhile."""

import tracemalloc
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from hub.errors import HubError
from hub.media.archive import AT_ONCE, Archives, Chosen
from hub.media.outputs import Outputs
from hub.store import ImageRow, Store

BIG = 96 << 20


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    found = await Store.open(tmp_path / "hub.sqlite3")
    yield found
    await found.close()


@pytest.fixture
def archives(tmp_path: Path, store: Store) -> Archives:
    return Archives(Outputs(tmp_path / "outputs"), store.images)


async def add(tmp_path: Path, store: Store, path: str, size: int) -> None:
    """A picture of so many bytes, none of which takes disk."""
    file = tmp_path / "outputs" / "ann" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as stream:
        stream.truncate(size)
    await store.images.add(ImageRow("j", 0, "ann", path, 1000, bytes=size))


def always() -> None:
    """Nobody objects."""


async def test_a_large_picture_never_lies_in_memory_whole(
    tmp_path: Path, store: Store, archives: Archives
) -> None:
    await add(tmp_path, store, "big.png", BIG)
    size = 0
    tracemalloc.start()
    try:
        async for piece in archives.pack("ann", Chosen(), metadata=True, demand=always):
            size += len(piece)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > BIG
    assert peak < 16 << 20


@pytest.mark.long
async def test_past_four_gigabytes(tmp_path: Path, store: Store, archives: Archives) -> None:
    await add(tmp_path, store, "huge.png", (4 << 30) + 10)
    tail, size = b"", 0
    async for piece in archives.pack("ann", Chosen(), metadata=True, demand=always):
        size += len(piece)
        tail = (tail + piece)[-1000:]
    assert size > 4 << 30
    assert b"PK\x06\x06" in tail and b"PK\x06\x07" in tail  # the end of a Zip64 archive


async def test_only_some_at_once_and_an_abandoned_one_counts_no_more(
    tmp_path: Path, store: Store, archives: Archives
) -> None:
    await add(tmp_path, store, "a.png", 3 << 20)
    going = [archives.pack("ann", Chosen(), metadata=True, demand=always) for _ in range(AT_ONCE)]
    for pieces in going:
        await anext(pieces)
    with pytest.raises(HubError, match="on their way") as refused:
        archives.pack("ann", Chosen(), metadata=True, demand=always)
    assert refused.value.status == 429
    assert archives.pack("bob", Chosen(), metadata=True, demand=always)
    await going[0].aclose()
    async with aclosing(archives.pack("ann", Chosen(), metadata=True, demand=always)) as again:
        assert await anext(again)
    await going[1].aclose()


async def test_who_may_no_longer_gets_no_further_picture(
    tmp_path: Path, store: Store, archives: Archives
) -> None:
    for name in ("a", "b"):
        await add(tmp_path, store, f"{name}.png", 100)
    asked = 0

    def once() -> None:
        nonlocal asked
        asked += 1
        if asked > 1:
            raise HubError("gone")

    with pytest.raises(HubError, match="gone"):
        async for _ in archives.pack("ann", Chosen(), metadata=True, demand=once):
            pass
