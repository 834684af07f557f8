"""`python -m hub` as a process: what it refuses to start with, and how it stops."""

import asyncio
import http.server
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import websockets

from hub.__main__ import LogFile

ROOT = Path(__file__).parents[2]
ENGINES_OFF = {"HUB_ENGINES_START_AT_BOOT": "false"}


def run(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hub", *words],
        cwd=ROOT,
        env={**os.environ, **ENGINES_OFF, **env},
        capture_output=True,
        text=True,
        timeout=60,
    )


@contextmanager
def serving(data: Path, **env: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A hub process and its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "hub", "serve", "--port", "0", "--data-dir", str(data)],
        cwd=ROOT,
        env={**os.environ, **ENGINES_OFF, **env},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        for line in process.stderr:
            found = re.search(r"Listening on http://127\.0\.0\.1:(\d+)/", line)
            if found:
                yield process, int(found[1])
                break
    finally:
        process.kill()
        process.wait()


def call(port: int, name: str, body: dict[str, object]) -> dict[str, object]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/API/{name}", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        found: dict[str, object] = json.load(answer)
        return found


class TestRefusals:
    def test_a_bad_setting(self, tmp_path: Path) -> None:
        done = run("serve", "--data-dir", str(tmp_path), HUB_NETWORK_MAX_REQUEST_MIB="0")
        assert done.returncode == 2
        assert "network.max_request_mib" in done.stderr

    @pytest.mark.parametrize(
        ("words", "told"),
        [
            (("--base-path", "/API"), "network.base_path = '/API' cannot be used"),
            (("--tls-cert", "none.pem"), "none.pem (network.tls_cert) cannot be read"),
        ],
    )
    def test_a_door_that_cannot_be(self, tmp_path: Path, words: tuple[str, str], told: str) -> None:
        done = run("serve", "--port", "0", "--data-dir", str(tmp_path), *words)
        assert done.returncode == 2
        assert told in done.stderr and "Traceback" not in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_taken_port(self, tmp_path: Path) -> None:
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            done = run("serve", "--data-dir", str(tmp_path), "--port", str(port))
        assert done.returncode == 3
        assert f"port {port} is taken" in done.stderr
        assert not (tmp_path / "hub.sqlite3").exists()

    def test_an_address_that_is_not_ours(self, tmp_path: Path) -> None:
        done = run("serve", "--data-dir", str(tmp_path), "--host", "192.0.2.1", "--port", "0")
        assert done.returncode == 3
        assert "192.0.2.1" in done.stderr

    @pytest.mark.parametrize("host", ["0.0.0.0", "::"])
    def test_beyond_loopback_without_an_owner(self, tmp_path: Path, host: str) -> None:
        done = run("serve", "--data-dir", str(tmp_path), "--host", host, "--port", "0")
        assert done.returncode == 4
        assert "owner" in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_database_that_is_none(self, tmp_path: Path) -> None:
        (tmp_path / "hub.sqlite3").write_text("this is not a database, it is a text of some length" * 50)
        done = run("serve", "--data-dir", str(tmp_path), "--port", "0")
        assert done.returncode == 4
        assert "Traceback" not in done.stderr
        assert "hub.sqlite3" in done.stderr

    def test_an_unknown_engine_type(self, tmp_path: Path) -> None:
        done = run("serve", "--data-dir", str(tmp_path), "--port", "0", HUB_ENGINES_TYPES="no_such_engine")
        assert done.returncode == 4
        assert "no_such_engine" in done.stderr
        assert "Traceback" not in done.stderr


class TestStopping:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_sockets_are_told_and_the_process_ends_well(self, tmp_path: Path, number: signal.Signals) -> None:
        with serving(tmp_path) as (process, port):

            async def watch() -> tuple[list[str], int | None]:
                address = f"ws://127.0.0.1:{port}/API/GenerateText2ImageWS"
                async with websockets.connect(address, proxy=None) as connection:
                    await asyncio.sleep(0.2)
                    process.send_signal(number)
                    frames = [str(frame) async for frame in quietly(connection)]
                    return frames, connection.close_code

            frames, code = asyncio.run(watch())
            assert json.loads(frames[-1])["error_id"] == "shutting_down"
            assert code == 1012
            assert process.wait(timeout=60) == 0

    def test_sessions_survive_a_kill(self, tmp_path: Path) -> None:
        with serving(tmp_path) as (process, port):
            session = call(port, "GetNewSession", {"a": 1})["session_id"]
            process.send_signal(signal.SIGKILL)
            process.wait(timeout=60)
        with serving(tmp_path) as (_, port):
            assert "status" in call(port, "GetCurrentStatus", {"session_id": session})


async def quietly(connection: websockets.ClientConnection):
    """Every frame until the close, whatever its code."""
    try:
        while True:
            yield await connection.recv()
    except websockets.ConnectionClosed:
        return


class Answering(http.server.BaseHTTPRequestHandler):
    """Something that answers whoever calls, and is no ComfyUI server."""

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        pass


class TestLog:
    def test_calls_of_other_servers_are_not_logged_with_their_addresses(self, tmp_path: Path) -> None:
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering) as other:
            threading.Thread(target=other.serve_forever, daemon=True).start()
            address = f"http://127.0.0.1:{other.server_port}/private-path"
            with serving(tmp_path, HUB_ENGINES_TYPES=f"comfyui_api Address={address}") as (_, port):
                session = call(port, "GetNewSession", {})["session_id"]
                end = time.monotonic() + 20
                while time.monotonic() < end:
                    told = call(port, "ListBackends", {"session_id": session})
                    if told["0"]["status"] == "errored":  # type: ignore[index]
                        break
                    time.sleep(0.05)
            other.shutdown()
        log = (tmp_path / "logs" / "hub.log").read_text()
        assert "engine 0" in log and "private-path" not in log


class TestDocs:
    def test_pages_are_written(self, tmp_path: Path) -> None:
        done = run("docs", "--out", str(tmp_path / "api"))
        assert done.returncode == 0
        assert (tmp_path / "api" / "README.md").read_text().startswith("# The API")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
def test_a_full_disk_costs_lines_of_the_log_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    handler = LogFile("/dev/full", encoding="utf-8")
    for number in range(3):
        handler.emit(logging.LogRecord("hub", logging.INFO, "", 0, f"line {number}", None, None))
    handler.emit(logging.LogRecord("hub", logging.INFO, "", 0, "%d", ("no number",), None))
    assert capsys.readouterr().err.count("--- Logging error ---") == 1, "mistakes of ours are still told"
    with suppress(OSError):
        handler.close()
