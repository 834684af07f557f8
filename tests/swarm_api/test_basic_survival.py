"""`kill -9` of the hub: sessions, presets, settings and tokens are all there after the restart; and what
its log tells at its most talkative is no secret."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from tests.browser.hub_process import HubProcess


@pytest.fixture
def process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubProcess]:
    """A hub in a process of its own, at its most talkative."""
    monkeypatch.setenv("HUB_LOG_LEVEL", "debug")
    monkeypatch.setenv("HUB_ENGINES_START_AT_BOOT", "false")
    found = HubProcess(tmp_path / "data")
    found.start()
    yield found
    found.kill()


@pytest.mark.long
def test_everything_answered_survives_kill_9_and_no_secret_is_logged(process: HubProcess) -> None:
    def call(name: str, **body: object) -> dict[str, object]:
        answer: dict[str, object] = httpx.post(f"{process.url}API/{name}", json=body, headers=bearer).json()
        return answer

    bearer: dict[str, str] = {}
    session = str(call("GetNewSession")["session_id"])
    token = str(call("CreateAuthToken", session_id=session, reason="a bot")["token"])
    saved = call("AddNewPreset", session_id=session, title="Kept", description="", param_map={"steps": 4})
    call("ChangeUserSettings", session_id=session, settings={"theme": "modern_light"})
    call("SetAPIKey", session_id=session, keyType="civitai_api", key="civitai-secret-key")
    call("RegisterBasic", username="ann", password="a password of ann")
    assert call("Login", username="ann", password="a password of ann") == {"success": "true"}
    with connect(f"ws://127.0.0.1:{process.port}/API/GenerateText2ImageWS") as socket:
        socket.send(f'{{"session_id":"{session}","images":1,"model":"no such model"}}')
        assert socket.recv()
    assert saved == {"success": True}
    log = process.log()
    process.kill()

    process.start()
    data = call("GetMyUserData", session_id=session)
    assert data["presets"][0]["param_map"] == {"steps": "4"}  # type: ignore[index]
    status = call("GetAPIKeyStatus", session_id=session, keyType="civitai_api")
    assert str(status["status"]).startswith("last updated")
    bearer["Authorization"] = f"Bearer {token}"
    assert call("GetNewSession")["user_id"] == "local"

    log += process.log()
    for secret in (session, token, token.split(".")[2], "civitai-secret-key", "a password of ann"):
        assert secret not in log
