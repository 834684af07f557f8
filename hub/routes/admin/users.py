"""Other people's accounts: listing, adding, changing."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from hub.accounts import Caller, Governing, Preferences, Users
from hub.departures import Departures
from hub.errors import BadInput
from hub.wire import Body, Done, Nothing, api


class UsersOut(Struct, frozen=True):
    """Every account's name."""

    users: list[str]


class NameIn(Struct, frozen=True):
    """Whose account."""

    name: Annotated[str, Meta(description="Name of a user.")]


class AddUserIn(Struct, frozen=True):
    """A new account."""

    name: Annotated[str, Meta(description="3 to 70 letters, digits or _; the first a letter.")]
    password: Annotated[str, Meta(description="8 to 500 characters, or the hash a client makes of it.")]
    role: Annotated[str, Meta(description="Id of a role whose permissions the caller holds too.")]


class SetPasswordIn(Struct, frozen=True):
    """A new password; every way the user is signed in ends."""

    name: Annotated[str, Meta(description="Name of a user.")]
    password: Annotated[str, Meta(description="As for AdminAddUser; empty clears it.")]


class SettingsIn(Struct, frozen=True):
    """Changes to a user's settings."""

    name: Annotated[str, Meta(description="Name of a user.")]
    raw: Annotated[
        Body, Meta(description="`settings`: dotted ids to values; `Roles` is a list of the user's roles.")
    ]


class SettingsChanged(Struct, frozen=True):
    """`refused` tells of settings that were passed over, and why."""

    success: bool
    refused: dict[str, str]


class UserOut(Struct, frozen=True):
    """An account as an administrator sees it; `max_t2i` is how many images it may have under way."""

    user_id: str
    password_set_by_admin: bool
    has_password: bool
    roles: list[str]
    settings: dict[str, Any]
    oauth_email: str
    max_t2i: int


class DeleteIn(Struct, frozen=True):
    """Whose account, and what becomes of the pictures."""

    name: Annotated[str, Meta(description="Name of a user, not the caller's own.")]
    keep_outputs: Annotated[
        bool,
        Meta(
            description="Whether the pictures move into the folder `.set_aside` of the outputs, where only "
            "the machine's administrator sees them, instead of being deleted."
        ),
    ] = False


class EmailIn(Struct, frozen=True):
    """The address by which an OpenID issuer may sign a user in."""

    name: Annotated[str, Meta(description="Name of a user.")]
    email: Annotated[str, Meta(description="As the issuer has verified it; empty ends it.")]


@api("AdminListUsers", permission="manage_users")
async def list_users(caller: Caller, given: Nothing, users: Users) -> UsersOut:
    """List every account."""
    return UsersOut(await users.names())


@api("AdminAddUser", permission="manage_users", active=True)
async def add_user(caller: Caller, given: AddUserIn, governing: Governing) -> Done:
    """Add an account. Nobody can give a role that holds more than they do."""
    await governing.add_user(caller, given.name, given.password, given.role)
    return Done()


@api("AdminSetUserPassword", permission="manage_users", active=True)
async def set_user_password(caller: Caller, given: SetPasswordIn, governing: Governing) -> Done:
    """Set or clear a user's password; their sessions and tokens end."""
    await governing.set_password(caller, given.name, given.password)
    return Done()


@api("AdminChangeUserSettings", permission="manage_users", active=True)
async def change_user_settings(caller: Caller, given: SettingsIn, governing: Governing) -> SettingsChanged:
    """Change a user's settings and roles; roles hold at once in every open session."""
    wanted = given.raw.get("settings")
    if not isinstance(wanted, dict):
        raise BadInput("Missing required parameter 'settings'", field="settings", limit="an object")
    return SettingsChanged(True, await governing.change_settings(caller, given.name, wanted))


@api("AdminSetUserOAuthEmail", permission="manage_users", active=True)
async def set_user_oauth_email(caller: Caller, given: EmailIn, governing: Governing) -> Done:
    """Set the e-mail address by which a user signs in with OpenID Connect; who was linked before is not any
    more."""
    await governing.set_oauth_email(caller, given.name, given.email)
    return Done()


@api("AdminDeleteUser", permission="manage_users", active=True)
async def delete_user(caller: Caller, given: DeleteIn, governing: Governing, departures: Departures) -> Done:
    """Delete an account: sessions, tokens and sockets end at once, work under way stops, and nothing of it is
    left. Nobody deletes themselves, somebody who holds more than they do, or the last owner."""
    user = governing.user(caller, given.name)
    governing.demand_other(caller, user)
    await departures.depart(user, by=caller.user, may=governing.demand_deletable, aside=given.keep_outputs)
    return Done()


@api("AdminGetUserInfo", permission="manage_users")
async def get_user_info(
    caller: Caller, given: NameIn, users: Users, governing: Governing, preferences: Preferences
) -> UserOut:
    """Tell of one account."""
    name = governing.user(caller, given.name)
    row = users.get(name)
    if row is None:
        raise BadInput(f"There is no user '{name}'.", field="name")
    limits = users.grants(name)[1]
    return UserOut(
        user_id=name,
        password_set_by_admin=row.password_by_admin,
        has_password=bool(row.password),
        roles=list(row.roles),
        settings=preferences.listing(name, with_restricted=True),
        oauth_email=row.oauth_email,
        max_t2i=limits.max_t2i_simultaneous,
    )
