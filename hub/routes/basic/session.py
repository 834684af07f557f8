"""Basic family: a session, what its user may and has, and leaving."""

import asyncio
from typing import Annotated, Any

from msgspec import Meta, Struct

from backends.pool import Pool
from hub import __version__
from hub.accounts import (
    COOKIE,
    LINKS,
    STARS,
    Accounts,
    Caller,
    Keepsakes,
    Preferences,
    Preset,
    Presets,
    WordLists,
    Writing,
)
from hub.errors import HubError
from hub.identity import Identity
from hub.settings import Settings
from hub.wire import Door, Nothing, api


class NewSessionIn(Struct, frozen=True):
    """Who the session is for."""

    impersonateUser: Annotated[
        str, Meta(description="Name of another user to act as; needs the permission manage_users.")
    ] = ""


class NewSessionOut(Struct, frozen=True):
    """A session and the facts a client needs to begin."""

    session_id: Annotated[str, Meta(description="40 upper-case hex digits; sent with every further call.")]
    user_id: str
    output_append_user: Annotated[bool, Meta(description="Whether image addresses name the user's folder.")]
    version: Annotated[str, Meta(description="Changes with every update of the server.")]
    server_id: Annotated[str, Meta(description="Changes with every start of the server.")]
    permissions: list[str]
    servers: Annotated[list[str], Meta(description="Ids of the hubs that this one has behind its engines.")]


class UserDataOut(Struct, frozen=True):
    """The user's own data."""

    user_name: str
    presets: list[Preset]
    language: str
    permissions: list[str]
    starred_models: Annotated[Any, Meta(description="Names of models by subtype.")]
    model_preset_links: Annotated[Any, Meta(description="Preset titles by subtype and model.")]
    autocompletions: Annotated[
        list[str] | None,
        Meta(description="Lines of each word: shown, put in, kind, count, other names; null without a list."),
    ] = None


class SignedOut(Struct, frozen=True):
    """The text "true", as SwarmUI's page expects it here."""

    success: str = "true"


@api("GetNewSession", permission=None)
async def get_new_session(
    given: NewSessionIn, door: Door, accounts: Accounts, settings: Settings, identity: Identity, pool: Pool
) -> NewSessionOut:
    """Begin a session: one for each browser tab or client, needed by every other call.

    Who is calling comes from `Authorization: Bearer <token>` or the cookie `swarm_token`; without either,
    a direct caller on the server's own machine is the local user while accounts are not required.
    """
    known = accounts.identify(door.address, door.is_loopback, door.headers, door.cookies)
    if known is None:
        raise HubError("Invalid or unauthorized.", detail="Sign in first, or send a valid token.")
    user = known.user
    if given.impersonateUser and given.impersonateUser != user:
        user = _impersonated(accounts, accounts.caller_without_session(known), given.impersonateUser)
    session_id = await accounts.sessions.issue(
        user, token=known.token, address=door.address, user_agent=door.headers.get("user-agent", "")
    )
    caller = accounts.sessions.present(session_id)
    return NewSessionOut(
        session_id,
        user,
        settings.outputs.append_user,
        __version__,
        identity.server,
        sorted(caller.flags if caller is not None else ()),
        list(pool.servers()),
    )


@api("GetMyUserData", permission="fundamental_generate_tab_access")
async def get_my_user_data(
    caller: Caller,
    given: Nothing,
    presets: Presets,
    keepsakes: Keepsakes,
    preferences: Preferences,
    word_lists: WordLists,
) -> UserDataOut:
    """The caller's own data: presets, language, permissions, stars, preset links and words to complete."""
    writing = Writing(
        bool(preferences.value(caller.user, "autocomplete.escapeparens")),
        str(preferences.value(caller.user, "autocomplete.suffix")),
        str(preferences.value(caller.user, "autocomplete.spacingmode")),
    )
    source = str(preferences.value(caller.user, "autocomplete.source"))
    return UserDataOut(
        caller.user,
        presets.all(caller.user),
        str(preferences.value(caller.user, "language")),
        sorted(caller.flags),
        keepsakes.raw(caller.user, STARS),
        keepsakes.raw(caller.user, LINKS),
        await asyncio.to_thread(word_lists.entries, source, writing) if source else None,
    )


@api("Logout", permission="fundamental", active=True)
async def logout(caller: Caller, door: Door, accounts: Accounts) -> SignedOut:
    """Sign out: ends the token that is signed in with, every session it made, and their sockets."""
    token = caller.token
    if not token:
        shown = accounts.tokens.check(door.cookies.get(COOKIE, ""))
        token = shown.id if shown is not None and shown.user == caller.user else ""
    if not token:
        raise HubError(
            "You do not appear to be actually logged in. How'd you get here?"
            if accounts.settings.required
            else "Authorization is not enabled, you have no account to log out of."
        )
    door.drop_cookie(COOKIE)
    await accounts.tokens.revoke(caller.user, token)
    return SignedOut()


def _impersonated(accounts: Accounts, asking: Caller, wanted: str) -> str:
    if not asking.may("manage_users"):
        raise HubError(
            "You do not have permission to impersonate other users.",
            error_id="bad_impersonate",
            permission="manage_users",
        )
    row = accounts.users.get(wanted)
    if row is None:
        raise HubError(
            "The user you are trying to impersonate does not exist.",
            error_id="bad_impersonate",
            field="impersonateUser",
        )
    flags, _ = accounts.users.grants(wanted)
    beyond = "*" if "*" in flags else min((flag for flag in flags if not asking.may(flag)), default="")
    if beyond and not asking.may(beyond):
        whom = "an owner" if beyond == "*" else f"someone who holds '{beyond}', which you do not"
        raise HubError(
            f"You do not have permission to impersonate {whom}.",
            error_id="bad_impersonate",
            permission=beyond,
        )
    return row.name
