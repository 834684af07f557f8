"""Starting a server, waiting for it, passing signals and exit codes on: with real processes.

The server here is a small stand-in for `python -m hub serve`, so that a start costs a moment; the real one is
started in tests/launch/test_whole.py.
"""

import io
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hub.setup.browsers import find_browser, has_display
from hub.setup.options import Serve
from hub.setup.ports import any_free
from hub.setup.serving import Place, describe_exit, is_healthy, page_of, serve, wait_for
from hub.setup.terminal import Terminal, clock_text, run_watched

SERVER = """
import http.server, json, os, signal, sys
port = int(sys.argv[sys.argv.index("--port") + 1])
data = sys.argv[sys.argv.index("--data-dir") + 1]
told = " ".join(sys.argv[1:]) + "|" + os.environ["HUB_PAGE_PROBLEM"]
open(os.path.join(data, "words.txt"), "a").write(told)

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        code = {"/stop/0": 0, "/stop/42": 42, "/stop/7": 7}.get(self.path)
        if code is not None:
            os._exit(code)
        body = json.dumps({"status": "ok"}).encode()
        self.send_response(200); self.end_headers(); self.wfile.write(body)
    def log_message(self, *words): pass

def end(number, frame):
    open(os.path.join(data, "ended.txt"), "a").write(f"{number} ")
    sys.exit(0)

signal.signal(signal.SIGINT, end); signal.signal(signal.SIGTERM, end)
http.server.HTTPServer(("127.0.0.1", port), Answer).serve_forever()
"""
LAUNCH = """
import sys, pathlib
from hub.setup.serving import serve
from hub.setup.options import Serve
from hub.setup.terminal import Terminal
root, data, port = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
options = Serve("127.0.0.1", port, data, False, "warning")
sys.exit(serve(pathlib.Path(sys.executable), root, options, "no Node here", Terminal()))
"""


def place_server(root: Path) -> None:
    (root / "hub").mkdir(parents=True)
    (root / "hub" / "__init__.py").write_text(
        ""
    )  # else Python would take the real hub for the better package
    (root / "hub" / "__main__.py").write_text(SERVER)


class Launched:
    """A launcher process with its server."""

    def __init__(self, folder: Path) -> None:
        root, self.data = folder / "root", folder / "data"
        self.data.mkdir()
        place_server(root)
        self.port = any_free("127.0.0.1")
        self.address = f"http://127.0.0.1:{self.port}/"
        words = [sys.executable, "-c", LAUNCH, str(root), str(self.data), str(self.port)]
        env = dict(os.environ, PYTHONPATH=str(Path(__file__).resolve().parents[2]))
        self.process = subprocess.Popen(
            words, env=env, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        wait_until(lambda: is_healthy(self.address))

    def stop(self, path: str) -> int:
        with pytest.raises(OSError, match=r".*"):
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(self.address + path, timeout=5)
        return self.process.wait(timeout=60)


def wait_until(ready: Callable[[], bool], within_s: float = 20.0) -> None:
    end = time.monotonic() + within_s
    while not ready():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


@pytest.fixture
def launched(tmp_path: Path) -> Iterator[Launched]:
    running = Launched(tmp_path)
    yield running
    if running.process.poll() is None:
        running.process.send_signal(signal.SIGTERM)
        running.process.wait(timeout=60)
    if running.process.stderr:
        running.process.stderr.close()


def test_the_server_gets_its_place_and_the_page_problem(launched: Launched) -> None:
    told = (launched.data / "words.txt").read_text()
    words, _, problem = told.partition("|")
    assert problem == "no Node here"
    assert words.split() == [
        "serve", "--host", "127.0.0.1", "--port", str(launched.port), "--data-dir", str(launched.data),
        "--log-level", "warning",
    ]  # fmt: skip


@pytest.mark.parametrize("code", [0, 7, 42])
def test_its_exit_code_is_passed_on(launched: Launched, code: int) -> None:
    assert launched.stop(f"stop/{code}") == code


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_reaches_it_once_and_it_ends_cleanly(launched: Launched, number: signal.Signals) -> None:
    launched.process.send_signal(number)
    assert launched.process.wait(timeout=60) == 0
    received = (launched.data / "ended.txt").read_text().split()
    assert received == [str(int(signal.SIGINT if number == signal.SIGINT else signal.SIGTERM))]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no process groups of this kind")
def test_ctrl_c_of_a_terminal_reaches_it_once(launched: Launched) -> None:
    os.killpg(launched.process.pid, signal.SIGINT)  # what a terminal does: the whole foreground group
    assert launched.process.wait(timeout=60) == 0
    assert (launched.data / "ended.txt").read_text().split() == [str(int(signal.SIGINT))]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_a_server_killed_by_a_signal_ends_like_in_a_shell() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"])
    assert wait_for(child, in_own_group=True) == 128 + 9


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_a_test_run_that_shall_end_takes_down_what_it_started() -> None:
    # a shell that runs tests in its background hands SIGINT down as ignored: the child listens all the same
    listen = "import signal, time\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code = listen + "try:\n    time.sleep(20)\nexcept KeyboardInterrupt:\n    raise SystemExit(5)"
    child = subprocess.Popen([sys.executable, "-c", code])

    def end_us() -> None:
        time.sleep(1)  # until the child listens
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=end_us, daemon=True).start()
    assert wait_for(child, in_own_group=False) == 5


def test_certificate_and_base_path_are_handed_on(tmp_path: Path) -> None:
    place_server(tmp_path)
    options = Serve("127.0.0.1", any_free("127.0.0.1"), tmp_path, False, None, "/hub", None, tmp_path / "k")

    def stop_when_told() -> None:
        wait_until((tmp_path / "words.txt").exists)
        wait_until(lambda: "|" in (tmp_path / "words.txt").read_text())
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=stop_when_told, daemon=True).start()
    assert serve(Path(sys.executable), tmp_path, options, None, Terminal(io.StringIO())) == 0
    told = (tmp_path / "words.txt").read_text().partition("|")[0]
    assert told.endswith(f"--base-path /hub --tls-key {tmp_path / 'k'}")


def test_where_the_page_is(tmp_path: Path) -> None:
    options = Serve(None, None, tmp_path, False, None)
    place = Place("127.0.0.1", 7801, True)
    assert page_of(options, {}, place, 7801) == "http://127.0.0.1:7801/"
    env = {"HUB_NETWORK_BASE_PATH": "/team/hub/", "HUB_NETWORK_TLS_CERT": "x.pem"}
    assert page_of(options, env, place, 7801) == "https://127.0.0.1:7801/team/hub/"
    (tmp_path / "settings.toml").write_text('[network]\nbase_path = "hub"\n')
    assert page_of(options, {}, place, 7801) == "http://127.0.0.1:7801/hub/"


def test_nobody_there_is_not_healthy() -> None:
    assert not is_healthy(f"http://127.0.0.1:{any_free('127.0.0.1')}/")


def test_the_browser_opens_when_the_server_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setenv("DISPLAY", ":0")
    place_server(tmp_path)
    port = any_free("127.0.0.1")
    options = Serve("127.0.0.1", port, tmp_path, True, None)

    def stop_when_opened() -> None:
        wait_until(lambda: bool(opened))
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=stop_when_opened, daemon=True).start()
    screen = io.StringIO()
    assert serve(Path(sys.executable), tmp_path, options, None, Terminal(screen)) == 0
    assert opened == [f"http://127.0.0.1:{port}/"]
    assert "Ready after" in screen.getvalue()


@pytest.mark.parametrize(
    ("env", "platform", "answer"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({}, "darwin", True),
        ({"SSH_CONNECTION": "1 2 3 4"}, "darwin", False),
        ({}, "win32", True),
    ],
)
def test_a_browser_needs_a_screen(env: dict[str, str], platform: str, answer: bool) -> None:
    assert has_display(env, platform) is answer


def test_a_named_browser_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_TEST_BROWSER", "/opt/browser")
    assert find_browser() == "/opt/browser"


@pytest.mark.parametrize(("code", "word"), [(137, "killed"), (3, "exit code 3")])
def test_odd_ends_are_explained(code: int, word: str) -> None:
    if sys.platform.startswith("linux") or code == 3:
        assert word in str(describe_exit(code))


@pytest.mark.parametrize("code", [0, 42, 130, 143])
def test_ordinary_ends_are_not(code: int) -> None:
    assert describe_exit(code) is None


class TestRunWatched:
    def test_hands_back_code_and_last_lines_and_says_how_long(self) -> None:
        screen = io.StringIO()
        words = [sys.executable, "-c", "print('one'); print('two'); raise SystemExit(3)"]
        assert run_watched(words, what="Counting", terminal=Terminal(screen)) == (3, ["one", "two"])
        assert screen.getvalue() == "Counting ...\n"

    def test_a_missing_program_is_127(self, tmp_path: Path) -> None:
        code, output = run_watched([tmp_path / "none"], what="x", terminal=Terminal(io.StringIO()))
        assert code == 127
        assert "none" in output[0]

    def test_bytes_that_are_no_text_do_not_stop_it(self) -> None:
        words = [sys.executable, "-c", "import sys; sys.stdout.buffer.write(b'a\\xff\\n')"]
        assert run_watched(words, what="x", terminal=Terminal(io.StringIO())) == (0, ["a\ufffd"])


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.9, "59 s"), (60, "1 min 00 s"), (125, "2 min 05 s")]
)
def test_durations_as_people_read_them(seconds: float, text: str) -> None:
    assert clock_text(seconds) == text
