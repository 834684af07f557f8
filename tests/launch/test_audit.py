"""`launch.py check` finds a secret in a checkout, tells of holes in pinned packages, and says when nobody
answered."""

import contextlib
import http.server
import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.setup.audit import ADVISORIES, audit_packages, find_secrets, note_known
from hub.setup.checks import NOT_ASKED, Step, _run, python_steps, report
from hub.setup.terminal import Terminal
from tests.house.tree import ROOT

# Written in pieces, so that this file holds no secret itself.
KEY = "AKIA" + "QYLPMN5HFIQR7BBQ"
PEM = "-----BEGIN " + "RSA PRIVATE KEY-----\nMIIEow\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder under git with the part of this repository that looks for secrets."""
    shutil.copytree(
        ROOT / "hub" / "setup", tmp_path / "hub" / "setup", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(ROOT / "hub" / "__init__.py", tmp_path / "hub")
    (tmp_path / "README.md").write_text("nothing to see\n")
    (tmp_path / ".gitignore").write_text("data/\n__pycache__/\n")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "."], cwd=tmp_path, check=True)
    return tmp_path


def step(root: Path, words: str) -> Step:
    """The step of `check` with these words in its name."""
    (found,) = (each for each in python_steps(root, Path(sys.executable)) if words in each.name)
    return found


def run(root: Path, words: str) -> int:
    """The exit code of `check` with this one step."""
    terminal = Terminal()
    asked = step(root, words)
    return report([(asked.name, *_run(asked, terminal))], terminal)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("settings.py", f'AWS = "{KEY}"\n'),
        ("keys/private.pem", PEM),
        ("notes.md", "the hub's own: https://owner:" + "hunter2hunter2@hub.example/\n"),
        ("deploy.yml", "github: " + "ghp_" + "a1B2" * 9 + "\n"),
    ],
    ids=["cloud key", "private key", "password in an address", "token"],
)
def test_a_planted_secret_makes_check_fail(
    checkout: Path, capfd: pytest.CaptureFixture[str], name: str, text: str
) -> None:
    assert run(checkout, "secrets") == 0
    (checkout / name).parent.mkdir(exist_ok=True)
    (checkout / name).write_text(f"one\n{text}")  # not even taken up by git yet
    assert run(checkout, "secrets") == 1
    said = "".join(capfd.readouterr())
    assert f"{name}:2: looks like a secret" in said
    assert "1 of 1 checks failed" in said
    assert KEY not in said and "hunter2" not in said


def test_what_is_known_and_what_git_leaves_out_are_passed_over(checkout: Path) -> None:
    (checkout / "example.py").write_text(f'AWS = "{KEY}"\n')
    (checkout / "data").mkdir()
    (checkout / "data" / "settings.toml").write_text(f'key = "{KEY}"\n')
    assert find_secrets(checkout) == 1
    (checkout / ".ci").mkdir()
    assert note_known(checkout) == 0
    (checkout / "example.py").write_text(f'\n\nAWS = "{KEY}"\n')
    assert find_secrets(checkout) == 0
    (checkout / "tests").mkdir()
    (checkout / "tests" / "test_a.py").write_text("password = 'correct horse battery staple'\n")
    assert find_secrets(checkout) == 0  # of nobody
    (checkout / "tests" / "test_b.py").write_text(f'AWS = "{KEY}"\n')
    assert find_secrets(checkout) == 1


def test_without_git_nobody_knows_what_belongs_to_the_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert find_secrets(tmp_path) == NOT_ASKED
    assert "Not asked" in capsys.readouterr().out


class Advisories(http.server.BaseHTTPRequestHandler):
    """OSV's answer: one hole in every `idna`."""

    def do_POST(self) -> None:
        asked: Any = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        hole = {
            "id": "PYSEC-1",
            "summary": "A hole",
            "affected": [
                {
                    "package": {"name": "idna", "ecosystem": "PyPI"},
                    "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9.9"}]}],
                }
            ],
        }
        found = {"vulns": [hole]} if asked["package"]["name"] == "idna" else {}
        data = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *words: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def advisories() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Advisories)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_known_hole_makes_check_fail(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (checkout / "requirements.lock").write_text("certifi==2026.10.18\n")
    with advisories() as address:
        monkeypatch.setenv(ADVISORIES, address)
        assert audit_packages(checkout) == 0
        (checkout / "requirements.lock").write_text("certifi==2026.10.18\nidna==3.11\n")
        assert run(checkout, "packages") == 1
    said = "".join(capfd.readouterr())
    assert "idna==3.11: PYSEC-1, mended in 9.9" in said


def test_a_machine_without_internet_is_told_so_and_not_failed(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        free_port = trial.getsockname()[1]
    (checkout / "requirements.lock").write_text("idna==3.11\n")
    monkeypatch.setenv(ADVISORIES, f"http://127.0.0.1:{free_port}/v1/query")
    assert run(checkout, "packages") == 0
    said = "".join(capfd.readouterr())
    assert "Not asked: the advisories' service cannot be reached" in said
    assert "not asked  holes in packages" in said
    assert "All that was asked passed." in said and "All checks passed" not in said


def test_the_whole_lock_can_be_read_by_the_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line of it, markers and all; asked of a service that knows one hole."""
    with advisories() as address:
        monkeypatch.setenv(ADVISORIES, address)
        assert audit_packages(ROOT) == 1
