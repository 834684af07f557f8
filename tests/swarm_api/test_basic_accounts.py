"""Login, RegisterBasic, ChangePassword and the token routes over HTTP."""

import json
import re
from hashlib import sha256

import pytest

from hub.accounts import Accounts
from tests.hub.running import RunningHub

PASSWORD = "correct horse battery"


async def sign_in(hub: RunningHub, name: str = "ann", password: str = PASSWORD) -> str:
    """The cookie's token after RegisterBasic and Login."""
    await hub.post("/API/RegisterBasic", {"username": name, "password": password})
    answer = await hub.post("/API/Login", {"username": name, "password": password})
    assert answer.json() == {"success": "true"}
    hub.http.cookies.clear()
    found = re.search(r"swarm_token=([^;]+)", answer.headers["set-cookie"])
    assert found is not None
    return found[1]


class TestLogin:
    async def test_it_sets_a_cookie_that_scripts_cannot_read(self, hub: RunningHub) -> None:
        await hub.post("/API/RegisterBasic", {"username": "ann", "password": PASSWORD})
        answer = await hub.post("/API/Login", {"username": "Ann", "password": PASSWORD})
        parts = {
            part.strip().partition("=")[0].lower(): part for part in answer.headers["set-cookie"].split(";")
        }
        assert re.fullmatch(r"swarm_token=616e6e\.[0-9a-f]{32}\.[0-9a-f]{32}", parts["swarm_token"])
        assert parts["max-age"].strip() == "Max-Age=31536000"
        assert parts["samesite"].strip() == "SameSite=Lax"
        assert {"httponly", "path"} <= parts.keys()

    async def test_the_pages_prehash_works_too(self, hub: RunningHub) -> None:
        await hub.post("/API/RegisterBasic", {"username": "ann", "password": PASSWORD})
        hashed = sha256(f"swarmclientpw:ann:{PASSWORD}".encode()).hexdigest()
        assert (await hub.post("/API/Login", {"username": "ann", "password": hashed})).json() == {
            "success": "true"
        }

    async def test_refusals_carry_an_id_and_no_error_text(self, hub: RunningHub) -> None:
        for _ in range(5):
            answer = await hub.post("/API/Login", {"username": "ann", "password": "wrong"})
            assert (answer.status_code, answer.json()["error_id"]) == (200, "invalid_login")
            assert "error" not in answer.json()
            assert "set-cookie" not in answer.headers
        answer = await hub.post("/API/Login", {"username": "ann", "password": "wrong"})
        assert answer.json()["error_id"] == "ratelimit"

    async def test_a_missing_password_is_named(self, hub: RunningHub) -> None:
        answer = await hub.post("/API/Login", {"username": "ann"})
        assert answer.json()["error"] == "Missing required parameter 'password'"


class TestRegisterBasic:
    async def test_from_elsewhere_it_is_closed_by_default(self, hub: RunningHub) -> None:
        body = {"username": "ann", "password": PASSWORD}
        answer = await hub.post("/API/RegisterBasic", body, **{"X-Forwarded-For": "1.2.3.4"})
        assert answer.json()["error_id"] == "registration_failed"
        assert hub.room(Accounts).users.get("ann") is None

    async def test_it_signs_nobody_in(self, hub: RunningHub) -> None:
        answer = await hub.post("/API/RegisterBasic", {"username": "ann", "password": PASSWORD})
        assert answer.json() == {"success": "true"}
        assert "set-cookie" not in answer.headers


class TestChangePassword:
    async def test_it_asks_for_the_old_one(self, hub: RunningHub) -> None:
        token = await sign_in(hub)
        session = (await hub.post("/API/GetNewSession", {}, Authorization=f"Bearer {token}")).json()[
            "session_id"
        ]
        wrong = await hub.call("ChangePassword", session_id=session, oldPassword="x", newPassword="y" * 8)
        assert wrong["error"] == "Incorrect old password. Refused."
        short = await hub.call("ChangePassword", session_id=session, oldPassword=PASSWORD, newPassword="y")
        assert short["error"] == "New password must be at least 8 characters long."
        done = await hub.call("ChangePassword", session_id=session, oldPassword=PASSWORD, newPassword="y" * 8)
        assert done == {"success": True}
        assert "error" not in await hub.call("GetMyUserData", session_id=session)


class TestTokens:
    async def test_they_work_with_accounts_off_for_the_local_user(self, hub: RunningHub) -> None:
        token = (await hub.call("CreateAuthToken", reason="my bot"))["token"]
        assert re.fullmatch(r"6c6f63616c\.[0-9a-f]{32}\.[0-9a-f]{32}", token)
        answer = await hub.post(
            "/API/GetNewSession", {}, Authorization=f"Bearer {token}", **{"X-Forwarded-For": "9.9.9.9"}
        )
        session = answer.json()["session_id"]
        listed = (await hub.call("ListMyAuthTokens", session_id=session))["tokens"]
        assert [(entry["user_agent"], entry["is_current"]) for entry in listed] == [
            ("my bot", True),
            ("unknown", False),
        ]
        assert listed[0].keys() == {
            "id",
            "created",
            "last_active",
            "user_agent",
            "origin_address",
            "is_current",
            "flags",
            "expires",
            "is_expired",
        }
        assert token.split(".")[2] not in json.dumps(listed)

    async def test_revoking_ends_its_sessions_at_once(self, hub: RunningHub) -> None:
        token = (await hub.call("CreateAuthToken", reason="my bot"))["token"]
        asked = await hub.post("/API/GetNewSession", {}, Authorization=f"Bearer {token}")
        session = asked.json()["session_id"]
        assert await hub.call("RevokeMyAuthToken", tokenId=token.split(".")[1]) == {"success": True}
        assert (await hub.post("/API/GetMyUserData", {"session_id": session})).status_code == 401
        again = await hub.post("/API/GetNewSession", {}, Authorization=f"Bearer {token}")
        assert again.json()["error"] == "Invalid or unauthorized."

    async def test_nobody_revokes_or_sees_anothers(self, hub: RunningHub) -> None:
        token = (await hub.call("CreateAuthToken", reason="my bot"))["token"]
        other = await hub.session_as("user")
        refused = await hub.call("RevokeMyAuthToken", session_id=other, tokenId=token.split(".")[1])
        assert (refused["error"], refused["field"]) == ("Token not found.", "tokenId")
        assert (await hub.call("ListMyAuthTokens", session_id=other))["tokens"] == []

    @pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
    async def test_a_reason_has_1_to_500_characters(self, hub: RunningHub, reason: str) -> None:
        answer = await hub.call("CreateAuthToken", reason=reason)
        assert answer["error"] == "Reason must be between 1 and 500 characters."
