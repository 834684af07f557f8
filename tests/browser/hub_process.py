"""The hub as its own process on a free port, as a person starts it; it can be killed and started again."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).parent.parent.parent
START_SECONDS = 60


class HubProcess:
    """One hub on `data`. `start` picks a free port the first time and keeps it afterwards."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.port = 0
        self._log = data.parent / "hub.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The page's address."""
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Start it and wait until it answers."""
        words = [sys.executable, "-m", "hub", "serve", "--port", str(self.port), "--data-dir", str(self.data)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen([*words, "--no-browser"], cwd=ROOT, stdout=log, stderr=log)
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            found = re.search(r"Listening on http://[^ ]*:(\d+)", self.log())
            if found is not None and self._answers(int(found[1])):
                self.port = int(found[1])
                return
            assert self._process.poll() is None, self.log()
            time.sleep(0.1)
        raise AssertionError(f"The hub did not answer within {START_SECONDS} s:\n{self.log()}")

    def ensure(self) -> None:
        """Start it if a test before left it stopped."""
        if self._process is None:
            self.start()

    def _answers(self, port: int) -> bool:
        try:
            answer = httpx.get(f"http://127.0.0.1:{port}/hub/v1/health", trust_env=False)
        except httpx.TransportError:
            return False
        return answer.status_code == 200

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end, and wait."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        self._process = None

    def log(self) -> str:
        """What it printed."""
        return self._log.read_text(errors="replace")
