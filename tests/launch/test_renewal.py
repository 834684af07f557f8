"""Starting anew: at the same place for the open pages, unless another is wanted; told to one's next self."""

import json
import socket
from pathlib import Path

import pytest

from hub.setup.options import Serve
from hub.setup.ports import any_free
from hub.setup.renewal import CARRIED, carried_place, own_code
from hub.setup.serving import Place, Settled, settle


def asked(tmp_path: Path, port: int | None) -> Serve:
    return Serve("127.0.0.1", port, tmp_path, False, None)


def test_a_port_that_the_system_chose_is_kept(tmp_path: Path) -> None:
    first = settle(asked(tmp_path, 0), {}, None, lambda text: None)
    again = settle(asked(tmp_path, 0), {}, first, lambda text: None)
    assert again == first and first.port > 0


def test_a_place_that_is_taken_by_now_is_left(tmp_path: Path) -> None:
    first = settle(asked(tmp_path, 0), {}, None, lambda text: None)
    with socket.socket() as other:
        other.bind(("127.0.0.1", first.port))
        other.listen()
        assert settle(asked(tmp_path, 0), {}, first, lambda text: None).port != first.port


def test_a_changed_setting_moves_it(tmp_path: Path) -> None:
    before, wanted = any_free("127.0.0.1"), any_free("127.0.0.1")
    first = Settled(Place("127.0.0.1", before, True), before)
    (tmp_path / "settings.toml").write_text(f"[network]\nport = {wanted}\n")
    assert settle(asked(tmp_path, None), {}, first, lambda text: None).port == wanted


def test_the_next_self_is_told_the_place() -> None:
    told = {CARRIED: json.dumps(["127.0.0.1", 0, True, 7900])}
    assert carried_place(told) == Settled(Place("127.0.0.1", 0, True), 7900)


@pytest.mark.parametrize("text", ["", "{", "[]", '["x"]', "5", '["h", "p", true, 1]'])
def test_what_cannot_be_read_is_a_first_start(text: str) -> None:
    assert carried_place({CARRIED: text}) is None
    assert carried_place({}) is None


def test_only_what_runs_around_the_server_counts_as_ones_own_code(tmp_path: Path) -> None:
    (tmp_path / "hub" / "setup").mkdir(parents=True)
    (tmp_path / "launch.py").write_text("1")
    before = own_code(tmp_path)
    (tmp_path / "hub" / "app.py").write_text("2")
    assert own_code(tmp_path) == before
    (tmp_path / "hub" / "setup" / "door.py").write_text("3")
    assert own_code(tmp_path) != before
