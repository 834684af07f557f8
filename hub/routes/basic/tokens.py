"""Basic family: personal tokens, by which bots and other clients identify themselves."""

from typing import Annotated

from msgspec import Meta, Struct

from hub.accounts import COOKIE, SIGN_IN, Caller, Tokens, allowed_token
from hub.errors import BadInput
from hub.wire import Done, Door, Nothing, api

LONGEST_REASON = 500


class ReasonIn(Struct, frozen=True):
    """What a token is for."""

    reason: Annotated[str, Meta(description="What the token is for, 1 to 500 characters; shown in the list.")]
    flags: Annotated[
        list[str] | None,
        Meta(description="The only permissions it shall have, of one's own; left out: all of them."),
    ] = None
    expires_in: Annotated[
        int, Meta(ge=0, le=100 * 366 * 86_400, description="Seconds until it expires; 0: never.")
    ] = 0


class TokenIn(Struct, frozen=True):
    """Which token."""

    tokenId: str


class TokenOut(Struct, frozen=True):
    """The new token; it is shown this once."""

    token: Annotated[str, Meta(description="Send it as `Authorization: Bearer <token>` to GetNewSession.")]


class TokenEntry(Struct, frozen=True):
    """One token, without its secret; times are unix seconds. The last three are ours."""

    id: str
    created: int
    last_active: int
    user_agent: Annotated[str, Meta(description="The browser that signed in, or the reason it was made for.")]
    origin_address: str
    is_current: Annotated[bool, Meta(description="Whether this very session was made with it.")]
    flags: Annotated[list[str] | None, Meta(description="The only permissions it has; null: all one has.")]
    expires: Annotated[int, Meta(description="When it expires; 0: never.")]
    is_expired: Annotated[bool, Meta(description="Whether that is over; it goes from the list in 30 days.")]


class TokensOut(Struct, frozen=True):
    """The caller's tokens, newest first."""

    tokens: list[TokenEntry]


@api("ListMyAuthTokens", permission="read_user_settings")
async def list_my_auth_tokens(caller: Caller, given: Nothing, door: Door, tokens: Tokens) -> TokensOut:
    """List the caller's tokens. Works with accounts off too."""
    shown = tokens.check(door.cookies.get(COOKIE, "")) if not caller.token else None
    current = caller.token or (shown.id if shown is not None else "")
    return TokensOut(
        [
            TokenEntry(
                row.id,
                row.created // 1000,
                tokens.last_active(row) // 1000,
                row.user_agent or "unknown",
                row.address or "unknown",
                row.id == current,
                None if row.flags is None else list(row.flags),
                row.expires // 1000,
                tokens.is_over(row),
            )
            for row in tokens.of_user(caller.user)
        ]
    )


@api("RevokeMyAuthToken", permission="edit_user_settings", active=True)
async def revoke_my_auth_token(caller: Caller, given: TokenIn, tokens: Tokens) -> Done:
    """End one of the caller's tokens, with every session it made and their sockets."""
    if not await tokens.revoke(caller.user, given.tokenId):
        raise BadInput("Token not found.", field="tokenId")
    return Done()


@api("CreateAuthToken", permission="edit_user_settings", active=True)
async def create_auth_token(caller: Caller, given: ReasonIn, door: Door, tokens: Tokens) -> TokenOut:
    """Make a token for a bot or another client. Works with accounts off too, for the local user.

    With `flags` it has only those permissions, as long as its user has them, and with `expires_in` it ends by
    itself: from then on it is refused with `error_id` token_expired, and its sessions and open sockets end. A
    token makes no token that has more or lasts longer than itself.
    """
    reason = given.reason.strip()
    if not 1 <= len(reason) <= LONGEST_REASON:
        raise BadInput(
            "Reason must be between 1 and 500 characters.", field="reason", limit=[1, LONGEST_REASON]
        )
    if reason == SIGN_IN:
        raise BadInput(f"'{SIGN_IN}' is what signing in calls its own. Choose other words.", field="reason")
    flags, expires = allowed_token(tokens, caller, given.flags, given.expires_in)
    text = await tokens.create(
        caller.user, reason, address=door.address, user_agent=reason, flags=flags, expires=expires
    )
    return TokenOut(text)
