"""The server's settings: listed with their texts, changed in the file."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from hub.accounts import Caller, Roles, Users
from hub.errors import BadInput, Forbidden, HubError
from hub.server_settings import ServerSettings
from hub.wire import Body, Nothing, api, is_loopback


class ListedOut(Struct, frozen=True):
    """Groups of fields, as GetUserSettings answers them."""

    settings: dict[str, Any]


class ChangeIn(Struct, frozen=True):
    """What to change."""

    raw: Annotated[Body, Meta(description="`settings`: dotted ids like `network.port` to values.")]


class ChangedOut(Struct, frozen=True):
    """`at_once` are settings that hold already, `needs_restart` those that hold after the next start,
    `overruled` those that will not: what sets them is stronger than the file."""

    success: bool
    at_once: list[str]
    needs_restart: list[str]
    overruled: dict[str, str]


@api("ListServerSettings", permission="read_server_settings")
async def list_server_settings(caller: Caller, given: Nothing, server: ServerSettings) -> ListedOut:
    """List every setting of the server, with the value that holds after a restart. Secrets are not told."""
    return ListedOut(server.listing())


@api("ChangeServerSettings", permission="edit_server_settings", active=True)
async def change_server_settings(
    caller: Caller, given: ChangeIn, server: ServerSettings, users: Users, roles: Roles
) -> ChangedOut:
    """Change settings in the server's file: all of them, or with a fault in any none at all.

    Those that `ListServerSettings` lists without `needs_restart` hold from then on. A secret that comes back
    as it was shown stays as it is.
    """
    wanted = given.raw.get("settings")
    if not isinstance(wanted, dict):
        raise BadInput("Missing required parameter 'settings'", field="settings", limit="an object")
    await _demand_sound(caller, server.checked(wanted), users, roles)
    changed = await server.change(wanted, caller.user)
    return ChangedOut(True, changed.at_once, changed.needs_restart, changed.overruled)


async def _demand_sound(caller: Caller, values: dict[str, Any], users: Users, roles: Roles) -> None:
    """Raise a refusal for what would lock everybody out, let strangers own the hub, or give more than the
    caller holds."""
    host = values.get("network.host", "localhost")
    if not is_loopback(host) and not await users.has_password_owner():
        raise HubError(
            f"The hub would listen on {host}, where other machines reach it, and nobody owns it yet. "
            "Register the owner's account first.",
            field="network.host",
        )
    if values.get("accounts.required") and not await users.has_password_owner():
        raise HubError(
            "Everybody would have to sign in, and no owner has a password to do so. "
            "Register the owner's account first.",
            field="accounts.required",
        )
    if (name := values.get("accounts.new_user_role")) is not None:
        role = roles.get(name)
        if role is None:
            known = [each.id for each in roles.all()]
            raise BadInput(f"There is no role '{name[:80]}'.", field="accounts.new_user_role", limit=known)
        missing = sorted(flag for flag in role.flags if not caller.may(flag))
        if missing:
            raise Forbidden(
                missing[0],
                f"You may not give newcomers the role '{name}': that holds '{missing[0]}', which you do not.",
            )
