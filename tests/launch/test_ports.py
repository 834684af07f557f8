"""Ports, tried with real sockets on the loopback."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.setup.options import Serve
from hub.setup.ports import CannotListen, any_free, is_free, next_free, page_address
from hub.setup.serving import Place, settle_port, wanted_place
from hub.setup.trouble import SetupProblem

ROOT = Path(__file__).resolve().parents[2]
HERE = "127.0.0.1"


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind((HERE, 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_listening_port_is_not_free(taken: int) -> None:
    assert not is_free(HERE, taken)
    near = next_free(HERE, taken)
    assert near is not None
    assert near > taken


def test_a_port_of_closing_connections_is_free() -> None:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as every server on Unix does
        server.bind((HERE, 0))
        server.listen()
        port = server.getsockname()[1]
        client = socket.create_connection((HERE, port))
        served, _ = server.accept()
        served.close()
        client.close()
    assert is_free(HERE, port)


def test_a_foreign_address_is_told_as_such() -> None:
    with pytest.raises(CannotListen, match=r"192\.0\.2\.1 is not an address of this computer"):
        is_free("192.0.2.1", 7801)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:7801/"),
        ("0.0.0.0", "http://127.0.0.1:7801/"),
        ("::", "http://[::1]:7801/"),
        ("::1", "http://[::1]:7801/"),
        ("localhost", "http://localhost:7801/"),
        ("hub.example", "http://hub.example:7801/"),
    ],
)
def test_where_a_browser_finds_it(host: str, address: str) -> None:
    assert page_address(host, 7801) == address


class TestSettle:
    def test_the_default_moves_on_and_says_so(self, taken: int) -> None:
        said: list[str] = []
        port = settle_port(Place(HERE, taken, chosen=False), said.append)
        assert port > taken
        assert said == [f"Port {taken} is taken by another program; using {port}."]

    def test_a_chosen_one_is_refused_with_the_next_free(self, taken: int) -> None:
        with pytest.raises(SetupProblem, match=f"Port {taken} is taken .* start with --port") as refused:
            settle_port(Place(HERE, taken, chosen=True), lambda text: None)
        assert is_free(HERE, int(str(refused.value).split()[-1].rstrip(".")))

    def test_zero_is_any(self) -> None:
        assert settle_port(Place(HERE, 0, chosen=True), lambda text: None) > 0


class TestWanted:
    def options(self, folder: Path, port: int | None = None) -> Serve:
        return Serve(None, port, folder, False, None)

    def test_default(self, tmp_path: Path) -> None:
        assert wanted_place(self.options(tmp_path), {}) == Place(HERE, 7801, False)

    def test_settings_then_environment_then_command_line(self, tmp_path: Path) -> None:
        (tmp_path / "settings.toml").write_text('[network]\nhost = "::1"\nport = 9000\n')
        assert wanted_place(self.options(tmp_path), {}) == Place("::1", 9000, True)
        env = {"HUB_NETWORK_PORT": "9001"}
        assert wanted_place(self.options(tmp_path), env) == Place("::1", 9001, True)
        assert wanted_place(self.options(tmp_path, 9002), env) == Place("::1", 9002, True)

    def test_a_broken_settings_file_is_left_to_the_server(self, tmp_path: Path) -> None:
        (tmp_path / "settings.toml").write_text("[network\n")
        assert wanted_place(self.options(tmp_path), {}).port == 7801

    def test_a_port_that_is_no_number_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(SetupProblem, match="'many'"):
            wanted_place(self.options(tmp_path), {"HUB_NETWORK_PORT": "many"})


def test_launch_refuses_a_taken_port_before_it_sets_anything_up(taken: int, tmp_path: Path) -> None:
    words = ["--port", str(taken), "--no-browser", "--data-dir", str(tmp_path)]
    ran = subprocess.run(
        [sys.executable, ROOT / "launch.py", *words], check=False, capture_output=True, text=True, timeout=30
    )
    assert ran.returncode == 1
    assert f"Port {taken} is taken" in ran.stderr
    assert "--port " in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not list(tmp_path.iterdir())


def test_any_free_is_free() -> None:
    assert is_free(HERE, any_free(HERE))
