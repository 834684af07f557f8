from pathlib import Path

import pytest

from backends.diffusers_local.loop.batching import Learned
from backends.diffusers_local.loop.remembered import Remembered


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    learned = {"a": Learned(8, 0.25, 1 << 20), "b": Learned()}
    Remembered(tmp_path / "new").write(learned)
    assert Remembered(tmp_path / "new").read() == learned
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["batch_sizes.json"]


def test_without_a_folder_nothing_is_kept() -> None:
    nowhere = Remembered(None)
    nowhere.write({"a": Learned(8)})
    assert nowhere.read() == {}


@pytest.mark.parametrize("text", ["", "[]", '{"a": 3}', '{"a": {"limit": "many"}}', "\0\0"])
def test_a_file_that_cannot_be_read_is_begun_anew(tmp_path: Path, text: str) -> None:
    (tmp_path / "batch_sizes.json").write_text(text)
    kept = Remembered(tmp_path)
    assert kept.read() == {}
    kept.write({"a": Learned(2)})
    assert Remembered(tmp_path).read() == {"a": Learned(2)}


def test_small_changes_are_not_written(tmp_path: Path) -> None:
    kept = Remembered(tmp_path)
    kept.write({"a": Learned(2, 1.0)})
    (tmp_path / "batch_sizes.json").unlink()
    kept.write({"a": Learned(2, 1.2)})
    assert not (tmp_path / "batch_sizes.json").exists()
    kept.write({"a": Learned(4, 1.2)})
    assert (tmp_path / "batch_sizes.json").exists()


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    Remembered(tmp_path / "file").write({"a": Learned(4)})


def test_it_stays_small(tmp_path: Path) -> None:
    Remembered(tmp_path).write({str(number): Learned(4) for number in range(1000)})
    read = Remembered(tmp_path).read()
    assert len(read) == 512
    assert "999" in read


def test_it_is_due_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Remembered(tmp_path)
    assert not kept.is_due
    monkeypatch.setattr("backends.diffusers_local.loop.remembered._SECONDS", -1.0)
    assert kept.is_due
