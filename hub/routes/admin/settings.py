"""The server's settings: listed with their texts, changed in the file."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from hub.accounts import Caller, Users
from hub.errors import BadInput, HubError
from hub.server_settings import ServerSettings
from hub.wire import Body, Nothing, api, is_loopback


class ListedOut(Struct, frozen=True):
    """Groups of fields, as GetUserSettings answers them."""

    settings: dict[str, Any]


class ChangeIn(Struct, frozen=True):
    """What to change."""

    raw: Annotated[Body, Meta(description="`settings`: dotted ids like `network.port` to values.")]


class ChangedOut(Struct, frozen=True):
    """`needs_restart` are settings that hold after the next start, `overruled` those that will not: what sets
    them is stronger than the file."""

    success: bool
    needs_restart: list[str]
    overruled: dict[str, str]


@api("ListServerSettings", permission="read_server_settings")
async def list_server_settings(caller: Caller, given: Nothing, server: ServerSettings) -> ListedOut:
    """List every setting of the server, with the value that holds after a restart."""
    return ListedOut(server.listing())


@api("ChangeServerSettings", permission="edit_server_settings", active=True)
async def change_server_settings(
    caller: Caller, given: ChangeIn, server: ServerSettings, users: Users
) -> ChangedOut:
    """Change settings in the server's file: all of them, or with a fault in any none at all."""
    wanted = given.raw.get("settings")
    if not isinstance(wanted, dict):
        raise BadInput("Missing required parameter 'settings'", field="settings", limit="an object")
    host = server.checked(wanted).get("network.host", "localhost")
    if not is_loopback(host) and not await users.has_password_owner():
        raise HubError(
            f"The hub would listen on {host}, where other machines reach it, and nobody owns it yet. "
            "Register the owner's account first.",
            field="network.host",
        )
    changed = await server.change(wanted)
    return ChangedOut(True, changed.needs_restart, changed.overruled)
