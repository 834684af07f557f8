"""Sockets that were opened by a token alone, as a browser at ComfyUI's own page has them."""

from pathlib import Path

import pytest

from hub.accounts import Accounts, Identity
from tests.hub.running import RunningHub


class Line:
    """A conversation of whatever kind: what it was told last, and how it was closed."""

    def __init__(self) -> None:
        self.last = b""
        self.code = 0

    def push(self, frame: bytes) -> None:
        self.last = frame

    def dismiss(self, frame: bytes) -> None:
        self.last = frame

    async def close(self, code: int = 1000) -> None:
        self.code = code

    def end(self, code: int) -> None:
        self.code = code


async def joined(hub: RunningHub, flag: str) -> tuple[Line, str, str]:
    """A line of a user who came by a cookie; his name and the id of its token."""
    accounts = hub.room(Accounts)
    await accounts.users.add("ann", roles=("poweruser",))
    token = (await accounts.tokens.sign_in("ann")).split(".")[1]
    line = Line()
    caller = accounts.caller_without_session(Identity("ann", token))
    hub.app.board.joined("", line, caller, flag)
    return line, "ann", token


async def test_they_end_with_the_token(hub: RunningHub) -> None:
    line, user, token = await joined(hub, "comfy_direct_calls")
    await hub.room(Accounts).tokens.revoke(user, "f" * 32)
    assert line.last == b""
    await hub.room(Accounts).tokens.revoke(user, token)
    assert b"invalid_session_id" in line.last
    hub.app.board.left("", line)


@pytest.mark.parametrize(("roles", "stays"), [(("owner",), True), (("user",), False), ((), False)])
async def test_they_end_when_a_role_no_longer_allows_them(
    hub: RunningHub, roles: tuple[str, ...], stays: bool
) -> None:
    line, user, _ = await joined(hub, "comfy_direct_calls")
    accounts = hub.room(Accounts)
    await accounts.users.set_roles("local", ("owner",))
    accounts.sessions.refresh("local")
    assert line.last == b""
    await accounts.users.set_roles(user, roles)
    accounts.sessions.refresh(user)
    assert (line.last == b"") is stays
    hub.app.board.left("", line)


async def test_a_changed_role_concerns_whoever_has_it(hub: RunningHub, tmp_path: Path) -> None:
    line, _, _ = await joined(hub, "comfy_direct_calls")
    roles = (await hub.call("AdminListRoles"))["roles"]["poweruser"]
    left = ",".join(flag for flag in roles["permissions"] if flag != "comfy_direct_calls")
    numbers = {
        key: value for key, value in roles.items() if key.startswith("max_") or key.startswith("allow")
    }
    answer = await hub.call(
        "AdminEditRole",
        name="poweruser",
        description="",
        permissions=left,
        model_whitelist="",
        model_blacklist="",
        **numbers,
    )
    assert answer == {"success": True}
    assert b"comfy_direct_calls" in line.last
    hub.app.board.left("", line)
