"""Whoever may no longer go on hears why, as the last frame of an open generation socket, at once."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
import pytest
import websockets

from hub.accounts import Accounts, Governing, Sessions, Tokens
from hub.accounts.caller import Caller, Limits
from tests.swarm_api.sketching import SETTINGS, SMALL, Frame, Tenant, tenant

pytestmark = pytest.mark.asyncio(loop_scope="module")
HUB_SETTINGS = SETTINGS
hub = tenant
OWNER = Caller("the owner", "", frozenset({"*"}), Limits())
DEAD = {"error": "Invalid session ID. You may need to refresh the page.", "error_id": "invalid_session_id"}


@asynccontextmanager
async def drawing(hub: Tenant, session: str) -> AsyncIterator[Callable[[], Awaitable[list[Frame]]]]:
    """A socket with an image being drawn, its progress flowing; calling it reads every frame to the close."""
    async with hub.socket("/API/GenerateText2ImageWS") as socket:
        asked = {**SMALL, "prompt": "red slow", "steps": 400}
        await socket.send(json.dumps({"session_id": session, **asked}))
        frame: Frame = {}
        while "gen_progress" not in frame:
            frame = json.loads(await socket.recv())
            assert "error" not in frame, frame

        async def rest() -> list[Frame]:
            frames = [json.loads(frame) async for frame in socket]
            assert socket.close_code == 1000
            return frames

        yield rest


async def signed_in(hub: Tenant, role: str = "user", **limits: Any) -> tuple[str, str, str]:
    """The name of a new user, and the token and session of his browser."""
    session = await hub.session_as(role)
    caller = hub.room(Sessions).find(session)
    assert caller is not None
    tokens = hub.room(Tokens)
    text = await (tokens.create(caller.user, "bot", **limits) if limits else tokens.sign_in(caller.user))
    answer = await hub.post("/API/GetNewSession", {}, Authorization=f"Bearer {text}")
    return caller.user, text, str(answer.json()["session_id"])


async def test_signing_out(hub: Tenant) -> None:
    _, _, session = await signed_in(hub)
    async with drawing(hub, session) as rest:
        assert await hub.call("Logout", session_id=session) == {"success": "true"}
        assert (await rest())[-1] == DEAD


async def test_revoking_the_token(hub: Tenant) -> None:
    user, text, session = await signed_in(hub, flags=("basic_image_generation", "model_params"))
    other = await hub.room(Sessions).issue(user)
    async with drawing(hub, session) as rest:
        assert await hub.call("RevokeMyAuthToken", session_id=other, tokenId=text.split(".")[1]) == {
            "success": True
        }
        assert (await rest())[-1] == DEAD


async def test_a_token_that_expires(hub: Tenant) -> None:
    tokens = hub.room(Tokens)
    _, text, session = await signed_in(hub, expires=tokens.now() + 3_600_000)
    async with drawing(hub, session) as rest:
        token = text.split(".")[1]
        row = tokens._rows[token]  # the hour passes at once
        tokens._rows[token] = msgspec.structs.replace(row, expires=tokens.now() + 100)
        tokens._sooner.set()
        assert (await rest())[-1] == DEAD
    answer = await hub.post("/API/GetNewSession", {}, Authorization=f"Bearer {text}")
    assert (answer.status_code, answer.json()["error_id"]) == (401, "token_expired")
    assert "expired" in answer.json()["error"]
    assert (await hub.post("/API/GetCurrentStatus", {"session_id": session})).status_code == 401
    async with httpx.AsyncClient(base_url=hub.url) as visitor:
        answer = await visitor.get("/hub/v1/sessions", headers={"Authorization": f"Bearer {text}"})
        assert (answer.status_code, answer.json()["error_id"]) == (401, "token_expired")


async def test_ending_that_session_from_another(hub: Tenant) -> None:
    user, _, session = await signed_in(hub)
    other = await hub.room(Sessions).issue(user)
    listed = (await hub.post("/hub/v1/sessions", {"session_id": other})).json()["sessions"]
    (wanted,) = [entry["id"] for entry in listed if entry["by"] == "sign-in"]
    async with drawing(hub, session) as rest:
        answer = await hub.post("/hub/v1/sessions/end", {"session_id": other, "id": wanted})
        assert answer.json() == {"success": True}
        assert (await rest())[-1] == DEAD


async def test_a_role_that_no_longer_allows_it(hub: Tenant) -> None:
    user, _, session = await signed_in(hub)
    async with drawing(hub, session) as rest:
        await hub.room(Governing).change_settings(OWNER, user, {"roles": ["guest"]})
        assert (await rest())[-1] == {
            "error": "You lack permissions for this route.",
            "error_id": "bad_permissions",
            "permission": "basic_image_generation",
        }


async def test_a_role_that_still_allows_it_holds_for_the_next_request(hub: Tenant) -> None:
    user, _, session = await signed_in(hub)
    async with hub.socket("/API/GenerateText2ImageWS") as socket:
        await socket.send(
            json.dumps({"session_id": session, **SMALL, "prompt": "red", "exactbackendid": "0"})
        )
        frames = [json.loads(await socket.recv())]
        while "socket_intention" not in frames[-1]:
            frames.append(json.loads(await socket.recv()))
        assert frames[0]["error"] == "You do not have permission to use parameter Exact Backend ID."
        await hub.room(Governing).change_settings(OWNER, user, {"roles": ["poweruser"]})
        await socket.send(
            json.dumps({"session_id": session, **SMALL, "prompt": "red", "exactbackendid": "0"})
        )
        while "image" not in frames[-1]:
            frames.append(json.loads(await socket.recv()))
            assert "error" not in frames[-1]


async def test_the_account_goes(hub: Tenant) -> None:
    user, _, session = await signed_in(hub)
    async with drawing(hub, session) as rest:
        assert (await hub.call("AdminDeleteUser", name=user))["success"] is True
        assert (await rest())[-1]["error_id"] == "invalid_session_id"
    assert hub.room(Accounts).users.get(user) is None


async def test_a_lasting_watch_ends_too(hub: Tenant) -> None:
    user, _, session = await signed_in(hub)
    async with hub.socket("/hub/v1/events") as socket:
        await socket.send(json.dumps({"session_id": session}))
        assert json.loads(await socket.recv())["event"] == "snapshot"
        await hub.call("AdminSetUserPassword", name=user, password="a new password")
        assert json.loads(await socket.recv()) == DEAD
        with pytest.raises(websockets.ConnectionClosedOK):
            await socket.recv()
