"""Stamps: what makes a start install something, and what does not."""

from pathlib import Path

import pytest

from hub.setup import layers

PROJECT = """
[project]
dependencies = ["alpha", "beta; sys_platform != 'win32'"]
[project.optional-dependencies]
local = ["torch"]
alone = ["lonely"]
develop = ["pytest"]
page = ["node"]
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / layers.LOCK).write_text(
        "# versions\nalpha==1.0\nbeta==2.0 ; sys_platform != 'win32'\ntorch==2.13.0\n"
    )
    return tmp_path


def test_a_layer_is_the_groups_of_the_project(root: Path) -> None:
    assert layers.names(root, "run") == ["alpha", "beta; sys_platform != 'win32'", "torch"]
    assert layers.names(root, "develop") == ["pytest"]


def test_some_packages_follow_a_layer_without_what_they_ask_for(root: Path) -> None:
    assert layers.alone(root, "run") == ["lonely"]
    assert layers.alone(root, "develop") == []


def test_a_pin_is_read_without_its_marker(root: Path) -> None:
    assert layers.pin(root, "beta") == "beta==2.0"
    with pytest.raises(KeyError):
        layers.pin(root, "alp")


class TestStamp:
    def test_is_the_same_for_the_same_facts(self, root: Path) -> None:
        assert layers.wanted_stamp(root, "run", "cpu") == layers.wanted_stamp(root, "run", "cpu")

    def test_changes_with_the_lock(self, root: Path) -> None:
        before = layers.wanted_stamp(root, "run", "cpu")
        with (root / layers.LOCK).open("a") as lock:
            lock.write("gamma==3.0\n")
        assert layers.wanted_stamp(root, "run", "cpu") != before

    def test_changes_with_the_names(self, root: Path) -> None:
        before = layers.wanted_stamp(root, "run", "cpu")
        (root / "pyproject.toml").write_text(PROJECT.replace('"alpha", ', ""))
        assert layers.wanted_stamp(root, "run", "cpu") != before

    def test_changes_with_what_follows_alone(self, root: Path) -> None:
        before = layers.wanted_stamp(root, "run", "cpu")
        (root / "pyproject.toml").write_text(PROJECT.replace('"lonely"', '"lonely", "lonelier"'))
        assert layers.wanted_stamp(root, "run", "cpu") != before

    def test_changes_with_python(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        before = layers.wanted_stamp(root, "run", "cpu")
        monkeypatch.setattr("sys.version_info", (3, 99, 0))
        assert layers.wanted_stamp(root, "run", "cpu") != before

    def test_changes_with_the_accelerator_where_torch_is(self, root: Path) -> None:
        assert layers.wanted_stamp(root, "run", "cpu") != layers.wanted_stamp(root, "run", "cuda")
        assert layers.wanted_stamp(root, "develop", "cpu") == layers.wanted_stamp(root, "develop", "cuda")


class TestStale:
    def test_nothing_installed_is_all_stale(self, root: Path, tmp_path: Path) -> None:
        assert layers.stale(root, tmp_path / "none", ["run", "develop"], "cpu") == ["run", "develop"]

    def test_a_written_stamp_is_current(self, root: Path, tmp_path: Path) -> None:
        layers.write_stamps(tmp_path, {"run": layers.wanted_stamp(root, "run", "cpu")})
        assert layers.stale(root, tmp_path, ["run", "develop"], "cpu") == ["develop"]

    @pytest.mark.parametrize("text", ["", "{", "[]", '"run"', "\x00"])
    def test_a_damaged_stamp_file_is_no_stamp(self, root: Path, tmp_path: Path, text: str) -> None:
        (tmp_path / layers.STAMPS).write_text(text)
        assert layers.stale(root, tmp_path, ["run"], "cpu") == ["run"]
