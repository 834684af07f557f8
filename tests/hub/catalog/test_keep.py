"""What the last look found is a hint for the next start."""

from pathlib import Path

import pytest

from hub.catalog import Catalog
from hub.catalog.catalog import FILE
from hub.catalog.header import read_header
from hub.settings import load
from tests.hub.catalog.conftest import caller, write_safetensors


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files whose header was read."""
    names: list[str] = []

    def count(path: Path) -> object:
        names.append(path.name)
        return read_header(path)

    monkeypatch.setattr("hub.catalog.read.read_header", count)
    return names


async def look(data: Path) -> list[str]:
    catalog = Catalog(load(data))
    await catalog.refresh()
    return [entry.name for entry in catalog.seen_by(caller(), "LoRA")]


async def test_a_restart_reads_only_what_changed(tmp_path: Path, models: Path, reads: list[str]) -> None:
    write_safetensors(models / "LoRA" / "a.safetensors")
    write_safetensors(models / "LoRA" / "b.safetensors")
    before = await look(tmp_path / "data")
    assert sorted(reads) == ["a.safetensors", "b.safetensors"]
    write_safetensors(models / "LoRA" / "b.safetensors", modelspec__title="changed")
    reads.clear()
    assert await look(tmp_path / "data") == before
    assert reads == ["b.safetensors"]


@pytest.mark.parametrize("content", [b"", b"broken", b"\xff" * 100])
async def test_a_damaged_file_is_no_trouble(
    tmp_path: Path, models: Path, reads: list[str], content: bytes
) -> None:
    write_safetensors(models / "LoRA" / "a.safetensors")
    (tmp_path / "data" / FILE).write_bytes(content)
    assert await look(tmp_path / "data") == ["a.safetensors"]
    assert reads == ["a.safetensors"]


async def test_other_code_reads_anew(
    tmp_path: Path, models: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_safetensors(models / "LoRA" / "a.safetensors")
    await look(tmp_path / "data")
    monkeypatch.setattr("hub.catalog.keep._reader", lambda: "another")
    reads.clear()
    await look(tmp_path / "data")
    assert reads == ["a.safetensors"]


async def test_removed_models_do_not_come_back(tmp_path: Path, models: Path) -> None:
    path = write_safetensors(models / "LoRA" / "a.safetensors")
    await look(tmp_path / "data")
    path.unlink()
    assert await look(tmp_path / "data") == []
