"""LogSubmitToPastebin: the log stays here behind its flag unless an address is set, and holds no secrets."""

import asyncio
import logging
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from hub.logs.pastes import HEAD, LONGEST, MOST, Pastes, shortened
from hub.settings import Settings
from tests.hub.running import RunningHub

pytestmark = pytest.mark.asyncio(loop_scope="module")
SECRET = "s3cr3t-Value_123"


async def show(hub: RunningHub, url: str, session: str) -> httpx.Response:
    assert url.startswith(hub.url)
    return await hub.http.get(url, headers={"X-Session-ID": session})


async def test_who_may_not_see_logs_can_neither_submit_nor_read_one(shared_hub: RunningHub) -> None:
    hub = shared_hub
    user = await hub.session_as("user")
    answer = await hub.call("LogSubmitToPastebin", session_id=user, type="info")
    assert answer["permission"] == "view_logs"
    assert (await hub.post("/API/LogSubmitToPastebin", {"type": "info"})).json()["error_id"] == "basic_api"
    logging.getLogger("hub.test").error("something to submit")
    url = (await hub.call("LogSubmitToPastebin", type="error"))["url"]
    assert (await show(hub, url, user)).json()["permission"] == "view_logs"
    assert (await show(hub, url, "F" * 40)).status_code == 401
    assert (await show(hub, url, hub.session)).status_code == 200


@pytest.mark.parametrize("kind", ["loud", "", "info,error"])
async def test_an_unknown_level_is_named(shared_hub: RunningHub, kind: str) -> None:
    hub = shared_hub
    answer = await hub.call("LogSubmitToPastebin", type=kind)
    assert answer["error"] == "Invalid log level type specified." and "warning" in answer["limit"]


async def test_the_level_must_be_given(shared_hub: RunningHub) -> None:
    hub = shared_hub
    assert (await hub.call("LogSubmitToPastebin"))["field"] == "type"


async def test_what_is_submitted_can_be_read_and_has_no_secrets(shared_hub: RunningHub) -> None:
    hub = shared_hub
    log = logging.getLogger("hub.test")
    log.warning("calling https://ann:%s@host/x?token=%s", SECRET, SECRET)
    log.info("not grave enough")
    log.error("grave; session_id=%s", hub.session)
    url = (await hub.call("LogSubmitToPastebin", type="Warning"))["url"]
    shown = await show(hub, url, hub.session)
    assert shown.headers["content-type"] == "text/plain; charset=utf-8"
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert "[Warning] hub.test: calling" in shown.text and "[Error] hub.test: grave" in shown.text
    assert "not grave" not in shown.text
    assert SECRET not in shown.text and hub.session not in shown.text
    file = hub.room(Settings).folders.logs / "submitted" / f"{url.rpartition('=')[2]}.txt"
    assert file.read_text() == shown.text
    if os.name != "nt":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["", "0" * 32, "../../hub.log", "%2e%2e/hub.log", "x" * 5000])
async def test_no_other_file_can_be_read(shared_hub: RunningHub, name: str) -> None:
    hub = shared_hub
    answer = await hub.http.get(
        "/hub/v1/logs/submitted", params={"name": name}, headers={"X-Session-ID": hub.session}
    )
    assert answer.status_code == 404 and "no submitted log" in answer.json()["error"]


async def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    pastes = Pastes(tmp_path / "submitted")
    names = [pastes.keep(f"log {number}") for number in range(MOST + 5)]
    assert len(list((tmp_path / "submitted").iterdir())) == MOST
    assert pastes.read(names[-1]) == f"log {MOST + 4}".encode()


async def test_a_long_one_loses_its_middle() -> None:
    text = b"begin" + b"-" * (2 * LONGEST) + b"end"
    short = shortened(text)
    assert len(short) == LONGEST and short.startswith(b"begin") and short.endswith(b"end")
    assert b"left out" in short[: HEAD + 100] and shortened(b"short") == b"short"


@asynccontextmanager
async def service(answer: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A place to paste: its address, and what it was sent."""
    came: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        came.append(await reader.readexactly(length))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/new", came


async def test_only_where_an_address_is_set_it_leaves_the_machine(shared_hub: RunningHub) -> None:
    hub = shared_hub
    logging.getLogger("hub.test").error("password=%s", SECRET)
    async with service(b"https://paste.example/abc\n") as (address, came):
        await hub.call("LogSubmitToPastebin", type="error")
        assert came == []
        await hub.call("ChangeServerSettings", settings={"log.paste_address": address})
        answer = await hub.call("LogSubmitToPastebin", type="error")
        assert answer == {"url": "https://paste.example/abc"}
        assert len(came) == 1 and b"hub.test: password=" in came[0] and SECRET.encode() not in came[0]
    await hub.call("ChangeServerSettings", settings={"log.paste_address": ""})


@pytest.mark.parametrize("said", [b"", b"javascript:alert(1)", b"no room", b"https://x/" + b"a" * 3000])
async def test_an_answer_that_is_no_link_is_a_failure(shared_hub: RunningHub, said: bytes) -> None:
    hub = shared_hub
    logging.getLogger("hub.test").error("something")
    async with service(said) as (address, _):
        await hub.call("ChangeServerSettings", settings={"log.paste_address": address})
        answer = await hub.call("LogSubmitToPastebin", type="error")
        assert answer["field"] == "log.paste_address" and "url" not in answer
    await hub.call("ChangeServerSettings", settings={"log.paste_address": ""})
