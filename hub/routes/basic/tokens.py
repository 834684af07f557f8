"""Basic family: personal tokens, by which bots and other clients identify themselves."""

from typing import Annotated

from msgspec import Meta, Struct

from hub.accounts import COOKIE, Caller, Tokens
from hub.errors import BadInput
from hub.wire import Done, Door, Nothing, api

LONGEST_REASON = 500


class ReasonIn(Struct, frozen=True):
    """What a token is for."""

    reason: Annotated[str, Meta(description="What the token is for, 1 to 500 characters; shown in the list.")]


class TokenIn(Struct, frozen=True):
    """Which token."""

    tokenId: str


class TokenOut(Struct, frozen=True):
    """The new token; it is shown this once."""

    token: Annotated[str, Meta(description="Send it as `Authorization: Bearer <token>` to GetNewSession.")]


class TokenEntry(Struct, frozen=True):
    """One token, without its secret; times are unix seconds."""

    id: str
    created: int
    last_active: int
    user_agent: Annotated[str, Meta(description="The browser that signed in, or the reason it was made for.")]
    origin_address: str
    is_current: Annotated[bool, Meta(description="Whether this very session was made with it.")]


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
    """Make a token for a bot or another client. Works with accounts off too, for the local user."""
    reason = given.reason.strip()
    if not 1 <= len(reason) <= LONGEST_REASON:
        raise BadInput(
            "Reason must be between 1 and 500 characters.", field="reason", limit=[1, LONGEST_REASON]
        )
    return TokenOut(await tokens.create(caller.user, reason, address=door.address, user_agent=reason))
