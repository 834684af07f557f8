"""The whole way from the command line to a served hub, with a small hub in the real one's place."""

import sys
from pathlib import Path

import pytest

from hub.setup import door, environment, main
from tests.launch.conftest import PROOF, write_lock

# Ends with 42 (start me again) the first time, then with 0; notes what it was started with.
SERVER = """
import os, pathlib, sys
import hubdemo
notes = pathlib.Path(sys.argv[sys.argv.index("--data-dir") + 1]) / "starts.txt"
first = not notes.exists()
with notes.open("a") as file:
    file.write(hubdemo.VERSION + " " + os.environ["HUB_PAGE_PROBLEM"] + "\\n")
if first:
    lock = pathlib.Path("requirements.lock")
    lock.write_text(lock.read_text().replace("hubdemo==1.0", "hubdemo==2.0"))
sys.exit(42 if first else 0)
"""


@pytest.fixture
def small_hub(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (root / "hub").mkdir()
    (root / "hub" / "__init__.py").write_text("")
    (root / "hub" / "__main__.py").write_text(SERVER)
    monkeypatch.setattr(door, "ROOT", root)
    monkeypatch.setattr(environment.ensure, "__defaults__", (PROOF,))
    return root


def test_a_server_that_asks_for_it_is_set_up_and_started_again(
    small_hub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    assert main(["--port", "0", "--no-browser", "--data-dir", str(data)]) == 0
    starts = (data / "starts.txt").read_text().splitlines()
    assert [line.split()[0] for line in starts] == ["1.0", "2.0"]  # an update in between was installed
    assert "folder web" in starts[0]
    assert "asked to be started again" in capsys.readouterr().err


@pytest.mark.long
def test_an_update_whose_packages_cannot_be_had_does_not_keep_the_server_away(
    small_hub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = small_hub / "hub" / "__main__.py"
    server.write_text(server.read_text().replace("hubdemo==2.0", "hubdemo==9.9"))
    data = tmp_path / "data"
    data.mkdir()
    assert main(["--port", "0", "--no-browser", "--data-dir", str(data)]) == 0
    starts = (data / "starts.txt").read_text().splitlines()
    assert [line.split()[0] for line in starts] == ["1.0", "1.0"]
    assert "with the packages that are installed" in capsys.readouterr().err


@pytest.mark.long
def test_a_failed_set_up_ends_with_one_and_no_traceback(
    small_hub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lock(small_hub, "9.9")
    assert main(["--port", "0", "--no-browser", "--data-dir", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert "Installing the hub's packages failed." in told
    assert "Traceback" not in told


def test_a_folder_that_cannot_be_written_is_told_without_a_traceback(
    small_hub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (small_hub / ".venv-lock").mkdir()
    assert main(["--port", "0", "--no-browser", "--data-dir", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert ".venv-lock" in told
    assert "Traceback" not in told


def test_accounts_are_managed_from_any_folder_with_the_hubs_own_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(door, "ensure", lambda *words: Path(sys.executable))
    monkeypatch.chdir(tmp_path)
    assert main(["user", "list", "--data-dir", "mine"]) == 0
    assert capfd.readouterr().out.splitlines()[1].split()[:3] == ["local", "owner", "no"]
    assert main(["backup", "b.zip", "--data-dir", "mine"]) == 0
    assert (tmp_path / "b.zip").is_file()
    assert main(["restore", "c.zip", "--data-dir", "mine"]) == 1
    assert "c.zip" in capfd.readouterr().err
