"""Credentials that were good once, or never here: each maker gives one that must open nothing."""

import secrets
from collections.abc import Awaitable, Callable
from hashlib import sha256

from hub.accounts import Accounts
from permissions import FLAGS
from tests.hub.running import RunningHub

Make = Callable[[RunningHub], Awaitable[str]]


async def _owner(accounts: Accounts) -> str:
    name = f"former_{secrets.token_hex(4)}"
    await accounts.users.add(name, roles=("owner",))
    return name


async def made_up(hub: RunningHub) -> str:
    """An id that no hub ever gave out (one of another hub looks the same)."""
    return secrets.token_hex(20).upper()


async def empty(hub: RunningHub) -> str:
    """No id at all where one belongs."""
    return ""


async def expired(hub: RunningHub) -> str:
    """An owner's session last used so long ago that it has run out, though nothing has swept it yet."""
    sessions = hub.room(Accounts).sessions
    session = await sessions.issue("local")
    sessions._live[sha256(session.encode()).digest()].last_used = 0
    return session


async def ended(hub: RunningHub) -> str:
    """An owner's session after sign-out."""
    sessions = hub.room(Accounts).sessions
    session = await sessions.issue("local")
    assert await sessions.end(session)
    return session


async def of_a_revoked_token(hub: RunningHub) -> str:
    """A session that ended with the token that made it."""
    accounts = hub.room(Accounts)
    user = await _owner(accounts)
    token = accounts.tokens.check(await accounts.tokens.create(user, "test"))
    assert token is not None
    session = await accounts.sessions.issue(user, token=token.id)
    assert await accounts.tokens.revoke(user, token.id)
    return session


async def of_an_expired_token(hub: RunningHub) -> str:
    """A session made with a token whose time has run out since."""
    accounts = hub.room(Accounts)
    user = await _owner(accounts)
    text = await accounts.tokens.create(user, "test", expires=1)
    return await accounts.sessions.issue(user, token=text.split(".")[1])


async def of_somebody_put_out(hub: RunningHub) -> str:
    """A session of an owner whose every session was ended."""
    accounts = hub.room(Accounts)
    user = await _owner(accounts)
    session = await accounts.sessions.issue(user)
    assert await accounts.sessions.end_for_user(user) == 1
    return session


async def revoked(hub: RunningHub) -> str:
    """An owner's token after it was revoked."""
    accounts = hub.room(Accounts)
    user = await _owner(accounts)
    text = await accounts.tokens.create(user, "test")
    await accounts.tokens.revoke_all(user)
    return text


async def run_out(hub: RunningHub) -> str:
    """An owner's token that was good until long ago."""
    accounts = hub.room(Accounts)
    return await accounts.tokens.create(await _owner(accounts), "test", expires=1)


async def of_another_name(hub: RunningHub) -> str:
    """An owner's good token with somebody else's name before it."""
    accounts = hub.room(Accounts)
    text = await accounts.tokens.create(await _owner(accounts), "test")
    return ".".join([b"local".hex(), *text.split(".")[1:]])


async def with_a_guessed_secret(hub: RunningHub) -> str:
    """An owner's token whose last half was guessed."""
    accounts = hub.room(Accounts)
    text = await accounts.tokens.create(await _owner(accounts), "test")
    return f"{text[:-1]}{'0' if text[-1] != '0' else '1'}"


async def partial(hub: RunningHub, flag: str) -> tuple[str, str]:
    """An owner's token with every flag but one, and a session made with it."""
    accounts = hub.room(Accounts)
    user = await _owner(accounts)
    text = await accounts.tokens.create(user, "test", flags=FLAGS.keys() - {flag, "*"})
    return text, await accounts.sessions.issue(user, token=text.split(".")[1])


DEAD: dict[str, Make] = {
    "made up": made_up,
    "empty": empty,
    "expired": expired,
    "ended": ended,
    "its token revoked": of_a_revoked_token,
    "its token expired": of_an_expired_token,
    "put out": of_somebody_put_out,
}
"""Sessions."""

DEAD_TOKENS: dict[str, Make] = {
    "revoked": revoked,
    "expired": run_out,
    "another name": of_another_name,
    "guessed": with_a_guessed_secret,
}
"""Tokens, as `Authorization: Bearer` or cookie carries them."""
