"""The whole way of an update: a hub under launch.py takes what its repository has new, starts anew with it,
and goes on with the work it had accepted.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import threading
import time
import urllib.request
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from hub.setup import layers
from hub.setup.hardware import find_accelerator
from hub.setup.installer import python_of
from tests.hub.updates.copies import ALONE, Copies

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("hub", "backends", "permissions", "languages", "themes", "tests/engines")
FILES = ("launch.py", "pyproject.toml", "requirements.lock", ".gitignore")
IMAGES = 24
SECONDS = 180.0

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(shutil.which("git") is None, reason="no git here"),
    pytest.mark.skipif(os.name == "nt", reason="needs Unix signals"),
]


def source_of(folder: Path) -> Path:
    """The hub's own files as they are now, without the starter's weights, to be put under git."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *PARTS, *FILES],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    for name in filter(None, listed):
        if (ROOT / name).is_file() and not name.endswith(".safetensors"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def set_up(copy: Path) -> None:
    """An environment that is up to date and has what this one has: nothing is installed."""
    venv.create(copy / ".venv", with_pip=False, symlinks=True)
    python = python_of(copy / ".venv")
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
    (Path(own) / "ours.pth").write_text(sysconfig.get_path("purelib") + "\n")
    layers.write_stamps(copy / ".venv", {"run": layers.wanted_stamp(copy, "run", find_accelerator())})


class Launched:
    """`launch.py` of a copy, and the hub below it."""

    def __init__(self, copy: Path, data: Path) -> None:
        env = {key: value for key, value in ALONE.items() if not key.startswith("HUB_")} | {
            "HUB_ENGINES_TYPES": "sketch",
            "HUB_FOLDERS_ENGINES": str(copy / "tests" / "engines"),
            "HUB_ENGINES_DEFAULT_MODEL": "doodle",
        }
        words = ["launch.py", "--port", "0", "--no-browser", "--data-dir", str(data)]
        self.process = subprocess.Popen(
            [sys.executable, *words],
            cwd=copy,
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()
        self.until(lambda: self.addresses)
        self.address = self.addresses[0]
        self.until(self.version)
        self.session = ""

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.lines.extend(iter(self.process.stderr.readline, ""))

    @property
    def addresses(self) -> list[str]:
        """Where it said that it starts, each time."""
        return re.findall(r"Starting on (http://\S+)", "".join(self.lines))

    def until(self, holds: Callable[[], Any]) -> None:
        """Wait until something holds."""
        end = time.monotonic() + SECONDS
        while not holds():
            assert self.process.poll() is None, "".join(self.lines)
            assert time.monotonic() < end, "".join(self.lines)
            time.sleep(0.1)

    def version(self) -> str:
        """The version of the hub that answers; "" when none does."""
        try:
            with urllib.request.urlopen(f"{self.address}hub/v1/health", timeout=5) as answer:
                return str(json.load(answer)["version"])
        except (OSError, ValueError):
            return ""

    def call(self, name: str, **body: object) -> Any:
        """The answer of /API/<name>."""
        request = urllib.request.Request(
            f"{self.address}API/{name}",
            json.dumps({"session_id": self.session, **body}).encode(),
            {"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def stop(self) -> int:
        """End it as Ctrl+C would."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=SECONDS)


@pytest.fixture
def copies(tmp_path: Path) -> Copies:
    return Copies(tmp_path, source_of(tmp_path / "writer"))


@pytest.fixture
def launched(copies: Copies, tmp_path: Path) -> Iterator[Launched]:
    set_up(copies.copy)
    running = Launched(copies.copy, tmp_path / "data")
    try:
        yield running
    finally:
        running.stop()


def publish_version(copies: Copies, version: str) -> None:
    """A new version, in which the launcher itself has changed too."""
    door = copies.writer / "hub" / "setup" / "door.py"
    door.write_text(door.read_text() + "\n# newer\n")
    front = (copies.writer / "hub" / "__init__.py").read_text()
    changed = re.sub(r'__version__ = "[^"]*"', f'__version__ = "{version}"', front)
    copies.publish("hub/__init__.py", changed, f"Release {version}")


def test_an_update_is_taken_and_accepted_work_goes_on(launched: Launched, copies: Copies) -> None:
    hub = launched
    hub.session = hub.call("GetNewSession")["session_id"]
    publish_version(copies, "99.0.0")
    assert hub.call("CheckForUpdates")["server"] == {"count": 1, "preview": ["Release 99.0.0"]}
    with connect(f"{hub.address.replace('http', 'ws')}API/GenerateText2ImageWS", proxy=None) as socket:
        asked = {"prompt": "red slow", "images": IMAGES, "width": 64, "height": 64, "steps": 10}
        socket.send(json.dumps({"session_id": hub.session, "model": "doodle", **asked}))
        while "image" not in (frame := json.loads(socket.recv(timeout=SECONDS))):
            assert "error" not in frame, frame
        answer = hub.call("UpdateAndRestart", doUpdateServer=True)
        assert answer["success"], answer
    hub.until(lambda: hub.version() == "99.0.0")
    assert hub.addresses == [hub.address] * 2, "the open pages find it where it was"
    hub.until(lambda: not hub.call("GetCurrentStatus")["status"]["waiting_gens"])
    listed = hub.call("ListImages", path="", depth=9)["files"]
    seeds = {json.loads(file["metadata"])["sui_image_params"]["seed"] for file in listed}
    assert len(listed) == len(seeds) == IMAGES, "each picture once"
    assert hub.call("CheckForUpdates")["server"]["count"] == 0
    assert hub.stop() == 0
