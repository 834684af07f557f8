"""Basic family: signing in, registering, changing the password."""

from typing import Annotated

from msgspec import Meta, Struct

from hub.accounts import COOKIE, COOKIE_SECONDS, Caller, SignIn
from hub.openid import OpenID, flow_cookie
from hub.wire import Done, Door, api

Password = Annotated[
    str,
    Meta(
        description="Lower-case hex SHA-256 of `swarmclientpw:<user>:<password>`, or `__swarmdoprehash:` and "
        "that text behind it, or the password itself."
    ),
]


class CredentialsIn(Struct, frozen=True):
    """A name and a password."""

    username: str
    password: Password


class PasswordsIn(Struct, frozen=True):
    """The old password and the new one."""

    oldPassword: Password
    newPassword: Password


class RegisterOAuthIn(Struct, frozen=True):
    """A name for somebody whom an OpenID Connect issuer has just sent back."""

    username: str
    oauth_tracker_key: Annotated[str, Meta(description="The `register` that the browser came back with.")]
    oauth_type: Annotated[str, Meta(description="The issuer's id: `google` or `openid`.")]


class SignedIn(Struct, frozen=True):
    """The text "true", as SwarmUI's page expects it here."""

    success: str = "true"


@api("Login", permission=None)
async def login(given: CredentialsIn, door: Door, sign_in: SignIn) -> SignedIn:
    """Sign in: sets the cookie `swarm_token`; then ask for a new session.

    Refusals are `error_id` invalid_login or ratelimit (5 a minute from one address, 15 for one name).
    """
    token = await sign_in.login(
        given.username,
        given.password,
        peer=door.peer,
        address=door.address,
        user_agent=door.headers.get("user-agent", ""),
        is_loopback=door.is_loopback,
    )
    door.set_cookie(COOKIE, token, max_age=COOKIE_SECONDS)
    return SignedIn()


@api("RegisterBasic", permission=None)
async def register_basic(given: CredentialsIn, door: Door, sign_in: SignIn) -> SignedIn:
    """Make an account where the setting accounts.allow_registration is on; sign in with it afterwards.

    The first account made directly on the server's own machine becomes the owner, whatever the setting.
    """
    await sign_in.register(given.username, given.password, peer=door.peer, is_loopback=door.is_loopback)
    return SignedIn()


@api("RegisterOAuth", permission=None)
async def register_oauth(given: RegisterOAuthIn, door: Door, openid: OpenID) -> SignedIn:
    """Make an account for whom an OpenID Connect issuer has just sent back to this browser, where the
    setting register_unknown of that issuer is on; it is signed in at once."""
    token = await openid.register(
        given.username,
        given.oauth_tracker_key,
        given.oauth_type,
        door.cookies,
        peer=door.peer,
        is_loopback=door.is_loopback,
        address=door.address,
        user_agent=door.headers.get("user-agent", ""),
    )
    door.drop_cookie(flow_cookie(given.oauth_tracker_key))
    door.set_cookie(COOKIE, token, max_age=COOKIE_SECONDS)
    return SignedIn()


@api("ChangePassword", permission="edit_user_settings", active=True)
async def change_password(caller: Caller, given: PasswordsIn, sign_in: SignIn) -> Done:
    """Change the caller's password; every other way the account is signed in ends."""
    await sign_in.change_password(caller, given.oldPassword, given.newPassword)
    return Done()
