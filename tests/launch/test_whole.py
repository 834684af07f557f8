"""The real server behind the launcher's own code: it answers, serves its page, and stops cleanly."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from hub.setup.ports import any_free
from hub.setup.serving import is_healthy

ROOT = Path(__file__).resolve().parents[2]
LAUNCH = """
import sys
from pathlib import Path
from hub.setup.options import Serve
from hub.setup.serving import serve
from hub.setup.terminal import Terminal
options = Serve("127.0.0.1", int(sys.argv[1]), Path(sys.argv[2]), False, "warning")
sys.exit(serve(Path(sys.executable), Path.cwd(), options, "No Node.js could be had.", Terminal()))
"""


@pytest.mark.skipif(os.name == "nt", reason="needs Unix signals")
def test_the_real_server_starts_answers_and_stops(tmp_path: Path) -> None:
    port = any_free("127.0.0.1")
    address = f"http://127.0.0.1:{port}/"
    words = [sys.executable, "-c", LAUNCH, str(port), str(tmp_path / "data")]
    launched = subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        end = time.monotonic() + 60
        while not is_healthy(address):
            assert launched.poll() is None, launched.stderr.read() if launched.stderr else ""
            assert time.monotonic() < end, "no answer from the real server"
            time.sleep(0.1)
        try:
            page = urllib.request.urlopen(address).read().decode()
        except urllib.error.HTTPError as missing:  # the page has not been built in this copy: it says why
            page = missing.read().decode()
            assert "No Node.js could be had." in page
        assert "<html" in page
        launched.send_signal(signal.SIGINT)
        assert launched.wait(timeout=30) == 0
    finally:
        if launched.poll() is None:
            launched.terminate()
            launched.wait(timeout=30)
        if launched.stderr:
            launched.stderr.close()
