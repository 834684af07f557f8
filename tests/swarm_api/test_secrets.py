"""Secrets that are planted in every place that keeps one, and looked for in every place that tells something:
answers, lists of settings, metrics, the log, error answers, the database, what a backup would copy.

Every planted secret carries the same word, so that one search finds any of them.
"""

import asyncio
import base64
import logging
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from hub.accounts import Accounts
from hub.backups import make_backup
from hub.server_settings.listing import is_secret
from hub.settings import Settings, fields_of
from hub.wire.discover import find_modules, find_routes
from tests.hub.running import RunningHub, running

WORD = "plantedneedle"
PASSWORD = f"{WORD}-password"
ROUTES = find_routes(find_modules())
HARMFUL = re.compile(r"Shutdown|Restart|Update|Install|TakeControl|Delete|Logout|/sessions/|Interrupt", re.I)
"""Routes that are not called without a need: they would end the very hub that is asked."""


def spellings(secret: str) -> Iterator[bytes]:
    """The secret as text, and as what it could have been wrapped in."""
    yield secret.encode()
    yield base64.b64encode(secret.encode()).rstrip(b"=")[:-1]
    yield secret.encode().hex().encode()
    yield secret.encode("utf-16-le")


def secret_settings() -> dict[str, str]:
    """A value for every setting that is marked as secret and takes a text."""
    planted = {
        f"{section}.{name}": f"{WORD}-{section}-{name}"
        for section in Settings.__struct_fields__
        for name in fields_of(section)
        if is_secret(f"{section}.{name}")
    }
    return planted | {"engines.types": f"comfyui_api ExtraHeaders=X-Key:{WORD} Address=http://127.0.0.1:9"}


class Kept:
    """What was planted, and the ids and keys that the hub made itself."""

    def __init__(self) -> None:
        self.secrets: list[str] = [WORD]

    def found_in(self, text: bytes) -> list[str]:
        return [secret for secret in self.secrets if any(form in text for form in spellings(secret))]


async def plant(hub: RunningHub) -> Kept:
    """A password, tokens, sessions, a key to another service, an engine's key, a webhook's secret."""
    kept = Kept()
    accounts = hub.room(Accounts)
    await hub.call("AdminAddUser", name="keeper", password=PASSWORD, role="owner")
    token = (await hub.call("CreateAuthToken", reason="needle"))["token"]
    kept.secrets += [token, token.split(".")[2]]
    session = await accounts.sessions.issue("keeper")
    kept.secrets += [session, hub.session]
    for kind in ("stability_api", "openai_api", "civitai_api", "huggingface_api"):
        await hub.call("SetAPIKey", keyType=kind, key=f"{WORD}-{kind}")
    made = await hub.call("AddNewBackend", type_id="comfyui_api")
    settings = {"Address": "http://127.0.0.1:9", "ExtraHeaders": f"X-Key: {WORD}"}
    edited = await hub.call("EditBackend", backend_id=made["id"], title="", settings=settings)
    assert "error" not in edited, edited
    hook = await hub.post(
        "/hub/v1/webhooks/create",
        {"session_id": hub.session, "url": "https://hooks.example/", "events": ["ended"]},
    )
    kept.secrets.append(hook.json()["secret"])
    return kept


async def stir(hub: RunningHub, kept: Kept) -> list[tuple[str, bytes]]:
    """Everything that tells something, asked by the owner; right and wrong, with secrets in the wrong."""
    told: list[tuple[str, bytes]] = []
    for route in ROUTES:
        if route.socket or HARMFUL.search(route.name) or route.name in ("CreateAuthToken", "GetNewSession"):
            continue
        hints = get_type_hints(route.given)
        texts = {name: "x" for name in route.given.__struct_fields__ if hints[name] is str}
        for body in ({}, texts, {**texts, "key": WORD, "password": PASSWORD, "oldPassword": PASSWORD}):
            if route.name == "SetAPIKey" and body:
                continue
            if route.method == "GET":
                headers = {"X-Session-ID": hub.session}
                answer = await hub.http.get(route.path, params=body, headers=headers)
            else:
                answer = await hub.post(route.path, {"session_id": hub.session, **body})
            told.append((route.name, answer.content))
    for bad in ("Bearer " + kept.secrets[1] + "x", "Basic " + WORD, kept.secrets[1]):
        answer = await hub.http.get("/hub/v1/jobs", headers={"Authorization": bad})
        told.append(("a wrong token", answer.content))
    for _ in range(2):
        answer = await hub.post("/API/Login", {"username": "keeper", "password": PASSWORD + "x"})
        told.append(("a wrong password", answer.content))
    answer = await hub.post("/API/GetCurrentStatus", {"session_id": kept.secrets[1]})
    told.append(("a token as session", answer.content))
    return told


async def test_no_answer_log_or_file_tells_a_secret(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for talkative in ("httpx", "httpcore"):
        caplog.set_level(logging.WARNING, logger=talkative)
    data = tmp_path / "data"
    async with running(data, {**secret_settings(), "updates.allowed": "false"}) as hub:
        kept = await plant(hub)
        assert kept.found_in(f"<{WORD}>".encode()) and kept.found_in(hub.session.encode())
        for name, said in await stir(hub, kept):
            assert not (found := kept.found_in(said)), f"{name} tells {found}: {said[:500]!r}"
        backup = await asyncio.to_thread(back_up, hub, tmp_path / "copy.zip")
        for name, data_inside in members(backup):
            assert not (found := kept.found_in(data_inside)), f"{name} of the backup holds {found}"
        lines: Any = await hub.call("ListRecentLogMessages", types=["Debug", "Info", "Warning", "Error"])
        assert not kept.found_in(str(lines).encode())
    assert not kept.found_in("\n".join(record.getMessage() for record in ours(caplog)).encode())
    for file in files_of(data):
        assert not (found := kept.found_in(file.read_bytes())), f"{file.relative_to(data)} holds {found}"


def back_up(hub: RunningHub, target: Path) -> Path:
    """A backup as an administrator makes it, without the keys."""
    settings: Settings = hub.app.board.settings
    line = f'[engines]\ntypes = ["comfyui_api ExtraHeaders=X-Key:{WORD}"]\n'
    file = settings.folders.data / "settings.toml"
    file.write_text(line)
    try:
        return make_backup(settings, target, outputs=True, keys=False).file
    finally:
        file.unlink()


def members(backup: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(backup) as archive:
        for name in archive.namelist():
            yield name, archive.read(name)


def ours(caplog: pytest.LogCaptureFixture) -> Iterator[logging.LogRecord]:
    """Lines of the hub; a test's own client says what it sends."""
    yield from (
        record for record in caplog.records if record.name.startswith(("hub", "backends", "litestar"))
    )


def files_of(data: Path) -> Iterator[Path]:
    """Every file a copy of the data folder would have, keys aside: they are what the rest is closed with."""
    yield from (path for path in data.rglob("*") if path.is_file() and "keys" not in path.parts)


async def test_keys_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    async with running(tmp_path / "data", {}) as hub:
        await plant(hub)
        keys = tmp_path / "data" / "keys"
        assert (keys.stat().st_mode & 0o077) == 0
        assert [path.name for path in keys.iterdir() if path.stat().st_mode & 0o077] == []
        assert len(list(keys.iterdir())) >= 2


async def test_keys_in_the_lines_of_engines_are_not_shown_and_not_lost(tmp_path: Path) -> None:
    async with running(tmp_path / "data", {}) as hub:
        line = f"comfyui_api ExtraHeaders=X-Key:{WORD} Address=http://127.0.0.1:9"
        await hub.call("ChangeServerSettings", settings={"engines.types": [line]})
        shown = (await hub.call("ListServerSettings"))["settings"]["engines"]["value"]["types"]["value"]
        assert shown == ["comfyui_api ExtraHeaders=<secret> Address=<secret>"]
        await hub.call("ChangeServerSettings", settings={"engines.types": shown})
        assert WORD in (tmp_path / "data" / "settings.toml").read_text()


@pytest.mark.parametrize("key", sorted(key for key in secret_settings() if is_secret(key)) or ["none yet"])
async def test_a_secret_setting_is_masked_where_settings_are_listed(tmp_path: Path, key: str) -> None:
    if key == "none yet":
        return
    async with running(tmp_path / "data", secret_settings()) as hub:
        section, _, name = key.partition(".")
        listed = (await hub.call("ListServerSettings"))["settings"][section]["value"][name]
        assert listed["is_secret"] is True and WORD not in str(listed)
