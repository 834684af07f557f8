"""The environment made for real, with small packages from a local folder instead of the internet."""

import io
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from hub.setup import installer
from hub.setup.environment import ensure
from hub.setup.installer import names_sources, python_of, read_pip
from hub.setup.terminal import Terminal
from hub.setup.trouble import SetupProblem
from tests.launch.conftest import PROOF, version_in, write_lock


def test_first_set_up_then_a_free_start_then_an_update_that_keeps_torch(
    root: Path, packages: Path, screen: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = ensure(root, ["run"], Terminal(screen), PROOF)
    assert version_in(python, "hubdemo") == "1.0"
    assert version_in(python, "torch") == "2.13.0+cu999"
    assert version_in(python, "hubalone") == "1.0", "what it asks for is nowhere to be had"
    assert not (root / ".venv-new").exists()
    script = python.parent / "hubdemo-command"
    assert ".venv-new" not in script.read_text("utf-8")
    assert str(root / ".venv") in script.read_text("utf-8")

    # An unchanged stamp starts nothing: neither pip nor Python could be called now.
    monkeypatch.setattr(installer, "run_watched", None)
    monkeypatch.setattr("subprocess.run", None)
    assert ensure(root, ["run"], Terminal(screen), PROOF) == python
    monkeypatch.undo()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(packages))

    # A new lock: torch stays what it is, even when no source has it any more.
    for torch in packages.glob("torch-*"):
        torch.unlink()
    write_lock(root, "2.0")
    ensure(root, ["run", "develop"], Terminal(screen), PROOF)
    assert version_in(python, "hubdemo") == "2.0"
    assert version_in(python, "hubtool") == "1.0"
    assert "Keeping the installed torch 2.13.0+cu999." in screen.getvalue()


@pytest.mark.long
def test_an_environment_without_a_package_of_today_gets_it_added(
    root: Path, packages: Path, screen: io.StringIO
) -> None:
    project, today = root / "pyproject.toml", (root / "pyproject.toml").read_text("utf-8")
    project.write_text(today.replace('"hubalone"', ""))
    python = ensure(root, ["run"], Terminal(screen), PROOF.replace("hubalone, ", ""))
    for there in (*packages.glob("torch-*"), *packages.glob("hubdemo-*")):
        there.unlink()  # what is installed must not be fetched again
    project.write_text(today)
    ensure(root, ["run"], Terminal(screen), PROOF)
    assert version_in(python, "hubalone") == "1.0"
    assert version_in(python, "hubdemo") == "1.0"


@pytest.mark.long
def test_a_failed_update_leaves_the_old_environment(root: Path, screen: io.StringIO) -> None:
    python = ensure(root, ["run"], Terminal(screen), PROOF)
    write_lock(root, "3.0")
    with pytest.raises(SetupProblem, match="hubdemo"):
        ensure(root, ["run"], Terminal(screen), PROOF)
    assert version_in(python, "hubdemo") == "1.0"
    assert not (root / ".venv-new").exists()
    write_lock(root, "2.0")
    with pytest.raises(SetupProblem, match="Trying the new environment failed"):
        ensure(root, ["run"], Terminal(screen), "import nothing_of_this_name")
    assert version_in(python, "hubdemo") == "1.0"


def test_an_unreachable_package_server_is_told_without_a_traceback(
    root: Path, screen: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: every connection is refused
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.delenv("PIP_FIND_LINKS")
        for name in ("PIP_EXTRA_INDEX_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PIP_RETRIES", "1")
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{closed.getsockname()[1]}/simple")
        with pytest.raises(SetupProblem) as failed:
            ensure(root, ["run"], Terminal(screen), PROOF)
    told = str(failed.value)
    assert told.startswith("Installing torch for ")
    assert "refused" in told
    assert "The package server cannot be reached" in told
    assert "Traceback" not in told
    assert not (root / ".venv").exists()
    assert not (root / ".venv-new").exists()


@pytest.mark.long
def test_a_half_made_environment_of_a_killed_set_up_is_made_again(root: Path, screen: io.StringIO) -> None:
    (root / ".venv" / "bin").mkdir(parents=True)
    (root / ".venv-new").mkdir()
    python = ensure(root, ["run"], Terminal(screen), PROOF)
    assert version_in(python, "hubdemo") == "1.0"


@pytest.mark.long
def test_python_of_another_version_makes_it_anew(root: Path, screen: io.StringIO) -> None:
    python = python_of(root / ".venv")
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    ensure(root, ["run"], Terminal(screen), PROOF)
    assert version_in(python, "hubdemo") == "1.0"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("", False),
        ("global.timeout='60'\n:env:.disable-pip-version-check='1'\n", False),
        ("global.index-url='https://mirror.example/simple'\n", True),
        ("global.timeout='60'\n:env:.find-links='/opt/wheels'\n", True),
        ("install.extra-index-url='https://mirror.example'\n", True),
    ],
)
def test_uv_is_left_aside_when_pip_was_given_sources(text: str, answer: bool) -> None:
    assert names_sources(text) is answer


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("Collecting torch==2.13.0", "Collecting torch"),
        ("  Downloading https://x/y/torch-2.13.0.whl (812.3 MB)", "Downloading torch-2.13.0.whl, 812.3 MB"),
        ("Installing collected packages: a, b, c", "Unpacking 3 packages"),
        ("Requirement already satisfied: idna==3.20 in /x (3.20)", "Already there: idna"),
        ("Looking in links: /wheels", None),
    ],
)  # fmt: skip
def test_lines_of_pip_become_progress(line: str, shown: str | None) -> None:
    assert read_pip(line) == shown


@pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not installed")
def test_uv_takes_over_where_pip_has_no_sources_of_its_own(
    root: Path, packages: Path, screen: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = ensure(root, ["run"], Terminal(screen), PROOF)
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(packages))
    write_lock(root, "2.0")
    ensure(root, ["run"], Terminal(screen), PROOF)
    assert version_in(python, "hubdemo") == "2.0"
    assert version_in(python, "torch") == "2.13.0+cu999"
    assert "trying with pip" not in screen.getvalue()


@pytest.mark.long
def test_two_set_ups_at_once_do_not_meet(root: Path) -> None:
    code = (
        "import pathlib, sys\n"
        "from hub.setup.environment import ensure\n"
        "from hub.setup.terminal import Terminal\n"
        f"ensure(pathlib.Path(sys.argv[1]), ['run'], Terminal(), {PROOF!r})\n"
    )
    words = [sys.executable, "-c", code, str(root)]
    env = dict(os.environ, PYTHONPATH=str(Path(__file__).resolve().parents[2]))
    both = [subprocess.Popen(words, env=env, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    told = [child.communicate(timeout=120)[1] for child in both]
    assert [child.returncode for child in both] == [0, 0], told
    assert sum("Installing the hub's packages" in text for text in told) == 1, told
    assert version_in(python_of(root / ".venv"), "hubdemo") == "1.0"
