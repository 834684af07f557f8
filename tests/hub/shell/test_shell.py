"""Accounts and tokens from a shell: on a data folder at rest, and through the hub that runs on it."""

import asyncio
import io
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hub.__main__ import main
from hub.accounts import Accounts
from hub.ownership import own_folder
from hub.shell import line
from hub.shell.commands import ListUsers, SetRoles
from tests.hub.running import RunningHub, running

ROOT = Path(__file__).parents[3]
PASSWORD = "correct horse battery"


class Shell:
    """Runs commands on a data folder; keeps what the last one wrote."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.lines: list[str] = []
        self.remarks = ""

    async def __call__(self, *words: str, typed: str = "") -> int:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "hub", *words, "--data-dir", str(self.data)),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, remarks = await process.communicate(typed.encode())
        self.lines, self.remarks = out.decode().splitlines(), remarks.decode()
        assert process.returncode is not None
        return process.returncode


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path / "data")


@pytest.fixture
async def open_hub(shell: Shell) -> AsyncIterator[RunningHub]:
    async with running(shell.data, {}) as hub:
        yield hub


@pytest.fixture(scope="module")
def at_rest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder on which only refused things are tried."""
    return tmp_path_factory.mktemp("shell") / "data"


class TestAtRest:
    async def test_the_first_owner_is_made_without_a_hub(self, shell: Shell) -> None:
        assert await shell("user", "add", "ann", "--role", "owner", typed=f"{PASSWORD}\n") == 0
        assert PASSWORD not in shell.remarks
        assert await shell("user", "list") == 0
        assert [line.split()[:3] for line in shell.lines] == [
            ["name", "roles", "password"],
            ["ann", "owner", "yes"],
            ["local", "owner", "no"],
        ]
        async with running(shell.data, {}) as hub:
            answer = await hub.post("/API/Login", {"username": "ann", "password": PASSWORD})
            assert answer.json() == {"success": "true"}

    @pytest.mark.parametrize(
        ("words", "typed", "told"),
        [
            (("user", "add", "ann"), "", "No password came"),
            (("user", "add", "ann"), "short\n", "A password has 8 to 500 characters."),
            (("user", "add", "ann", "--role", "king"), f"{PASSWORD}\n", "There is no role 'king'"),
            (("user", "add", "admin"), f"{PASSWORD}\n", "cannot be a user's name"),
            (("user", "password", "nobody"), f"{PASSWORD}\n", "There is no user 'nobody'."),
            (("user", "role", "nobody", "user"), "", "There is no user 'nobody'."),
            (("token", "create", "local", "--flags", "fly"), "", "There is no permission 'fly'."),
            (("token", "create", "local", "--flags", ""), "", "at least one permission"),
            (("token", "create", "local", "--days", "-1"), "", "0 (for good) to 36600 days, not -1."),
            (("token", "create", "local", "--days", "nan"), "", "0 (for good) to 36600 days, not nan."),
            (("token", "revoke", "f" * 32), "", "There is no token of that id"),
            (("token", "list", "nobody"), "", "There is no user 'nobody'."),
        ],
    )
    def test_a_refusal_is_one_sentence_and_exit_code_1(
        self,
        at_rest: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        words: tuple[str, ...],
        typed: str,
        told: str,
    ) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        assert main([*words, "--data-dir", str(at_rest)]) == 1
        out, remarks = capsys.readouterr()
        assert told in remarks
        assert out == "" and "Traceback" not in remarks


class TestWhileItRuns:
    async def test_a_role_holds_at_once_in_open_sessions(self, shell: Shell, open_hub: RunningHub) -> None:
        session = await open_hub.session_as("guest")
        assert (await open_hub.call("DeletePreset", session_id=session, preset="x"))["error_id"]
        assert await shell("user", "role", "guest_person1", "user") == 0
        assert await open_hub.call("DeletePreset", session_id=session, preset="x") == {"success": False}

    async def test_a_password_ends_what_was_signed_in(self, shell: Shell, open_hub: RunningHub) -> None:
        session = await open_hub.session_as("user")
        assert await shell("user", "password", "user_person1", typed=f"{PASSWORD}\n") == 0
        assert (await open_hub.post("/API/GetUserSettings", {"session_id": session})).status_code == 401

    async def test_tokens_come_and_go(
        self, shell: Shell, open_hub: RunningHub, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("INFO", "hub.accounts")
        words = (
            "token",
            "create",
            "local",
            "--reason",
            "bot",
            "--flags",
            "read_user_settings",
            "--days",
            "1",
        )
        assert await shell(*words) == 0
        (text,) = shell.lines
        answer = await open_hub.post("/API/GetNewSession", {}, Authorization=f"Bearer {text}")
        assert answer.json()["permissions"] == ["read_user_settings"]
        assert await shell("token", "list") == 0
        assert text.split(".")[2] not in "".join(shell.lines)
        assert [cell for cell in shell.lines[1].split()[:4]] == [
            text.split(".")[1],
            "local",
            "bot",
            "read_user_settings",
        ]
        assert await shell("token", "revoke", text.split(".")[1]) == 0
        token_id = text.split(".")[1]
        assert f"the token {token_id} of user local was made with read_user_settings" in caplog.text
        assert f"the token {token_id} of user local was revoked" in caplog.text
        assert text.split(".")[2] not in caplog.text
        answer = await open_hub.post("/API/GetUserSettings", {"session_id": answer.json()["session_id"]})
        assert answer.status_code == 401

    async def test_nobody_else_gets_in_on_its_line(self, shell: Shell, open_hub: RunningHub) -> None:
        file = shell.data / "keys" / line.FILE
        assert (file.stat().st_mode & 0o777) == 0o600
        found = json.loads(file.read_text())
        calls: tuple[Any, ...] = (
            {"secret": "", "command": {"type": "ListUsers"}},
            {"secret": "f" * 64, "command": {"type": "ListUsers"}},
            {"secret": found["secret"], "command": {"type": "Nonsense"}},
            [],
        )
        for sent in calls:
            reader, writer = await asyncio.open_connection("127.0.0.1", found["port"])
            writer.write(json.dumps(sent).encode() + b"\n")
            assert await reader.read() == b""
            writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", found["port"])
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await reader.read() == b""
        writer.close()
        told = await line.ask(shell.data / "keys", ListUsers())
        assert told.refusal == "" and len(told.lines) >= 2


async def test_the_line_is_gone_with_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(tmp_path / "data", {}) as hub:
        assert hub.room(Accounts)
    assert not (tmp_path / "data" / "keys" / line.FILE).exists()
    monkeypatch.setattr(line, "_STARTING_S", 0.0)
    with own_folder(tmp_path / "data"), pytest.raises(line.NoLine, match="starting or stopping"):
        await line.ask(tmp_path / "data" / "keys", SetRoles("ann", ("user",)))
