"""Where a user is signed in, and the ways to end that: one place, all the others, everything."""

import logging

from msgspec import Struct

from hub.accounts.caller import Caller
from hub.accounts.sessions import Sessions, SessionView, name_of
from hub.accounts.tokens import SIGN_IN, Tokens

_log = logging.getLogger(__name__)


class Place(Struct, frozen=True):
    """One session, with what it was made by: a browser's sign-in, a personal token of this `purpose`, or ("")
    nothing, on the server's own machine."""

    view: SessionView
    by_sign_in: bool
    purpose: str
    is_current: bool


class Leaving:
    """Ends sessions. A session that a sign-in made takes the sign-in along, or the browser would simply begin
    another; one that a personal token made does not: revoke that token to keep its holder out."""

    def __init__(self, sessions: Sessions, tokens: Tokens) -> None:
        self._sessions = sessions
        self._tokens = tokens

    def places(self, user: str, caller: Caller) -> list[Place]:
        """Every session of a user, the one used last first."""
        mine = name_of(caller.session) if caller.session else ""
        return [self._place(view, mine) for view in self._sessions.listing(user)]

    async def end(self, user: str, name: str, caller: Caller) -> bool:
        """End one session of a user by its listed name; False when there is none."""
        view = next((view for view in self._sessions.listing(user) if view.id == name), None)
        if view is None:
            return False
        row = self._tokens.get(view.token)
        if row is not None and row.reason == SIGN_IN and row.user == user and row.id != caller.token:
            await self._tokens.revoke(user, row.id)
        else:
            await self._sessions.end_named(user, name)
        _log.info("user %s ended a session of %s", caller.user, user)
        return True

    async def end_others(self, caller: Caller, *, tokens: bool) -> int:
        """End everything of the caller's own but his session and what he signed in with; with `tokens` his
        personal tokens too. How many sessions ended."""
        return await self._end_all(caller.user, caller, tokens=tokens, kept=caller)

    async def end_all(self, user: str, caller: Caller, *, tokens: bool) -> int:
        """End every session of a user, and with `tokens` every token of his; how many sessions ended."""
        kept = caller if caller.user == user else None
        return await self._end_all(user, caller, tokens=tokens, kept=kept)

    async def _end_all(self, user: str, caller: Caller, *, tokens: bool, kept: Caller | None) -> int:
        before = len(self._sessions.listing(user))
        token = kept.token if kept is not None else ""
        for row in self._tokens.of_user(user):
            if row.id != token and (tokens or row.reason == SIGN_IN):
                await self._tokens.revoke(user, row.id)
        mine = name_of(kept.session) if kept is not None and kept.session else ""
        await self._sessions.end_but(user, mine)
        _log.info("user %s ended the sessions of %s", caller.user, user)
        return before - len(self._sessions.listing(user))

    def _place(self, view: SessionView, mine: str) -> Place:
        row = self._tokens.get(view.token)
        by_sign_in = row is not None and row.reason == SIGN_IN
        purpose = row.reason if row is not None and not by_sign_in else ""
        return Place(view, by_sign_in, purpose, view.id == mine)
