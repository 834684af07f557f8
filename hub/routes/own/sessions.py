"""Where one is signed in, and ending that; for administrators of others too."""

from typing import Annotated

from msgspec import Meta, Struct

from hub.accounts import Caller, Governing, Leaving, Place
from hub.errors import BadInput
from hub.wire import Done, Nothing, own


class SessionOut(Struct, frozen=True):
    """A session: one for each browser tab or client. Times are unix seconds."""

    id: Annotated[str, Meta(description="Names the session here; it opens nothing.")]
    made: int
    last_used: int
    address: str
    client: Annotated[str, Meta(description="How the browser or program calls itself.")]
    by: Annotated[
        str,
        Meta(
            description="What it was made with: `sign-in`, `token` and its reason, or `local` for the "
            "server's own machine."
        ),
    ]
    is_current: Annotated[bool, Meta(description="Whether it is the one that asks.")]


class SessionsOut(Struct, frozen=True):
    """Sessions, the one used last first."""

    sessions: list[SessionOut]


class WhichIn(Struct, frozen=True):
    """Which session."""

    id: Annotated[str, Meta(description="Its `id` from the list.")]


class OthersIn(Struct, frozen=True):
    """How far it goes."""

    tokens: Annotated[
        bool, Meta(description="Whether personal tokens are revoked too; else they may begin new sessions.")
    ] = False


class WhoseIn(Struct, frozen=True):
    """Whose sessions."""

    name: Annotated[str, Meta(description="Name of a user whose permissions the caller holds too.")]


class WhoseEndIn(Struct, frozen=True):
    """Whose, which and how far."""

    name: Annotated[str, Meta(description="Name of a user whose permissions the caller holds too.")]
    id: Annotated[str, Meta(description="The session's `id`; empty: all of them.")] = ""
    tokens: Annotated[bool, Meta(description="With all of them: whether personal tokens go too.")] = False


class Ended(Struct, frozen=True):
    """How many sessions ended."""

    ended: int
    success: bool = True


@own("/sessions", permission="read_user_settings", method="GET")
@own("/sessions", permission="read_user_settings")
async def list_sessions(caller: Caller, given: Nothing, leaving: Leaving) -> SessionsOut:
    """List the caller's own sessions."""
    return SessionsOut([_shown(place) for place in leaving.places(caller.user, caller)])


@own("/sessions/end", permission="edit_user_settings", active=True)
async def end_session(caller: Caller, given: WhichIn, leaving: Leaving) -> Done:
    """End one of the caller's sessions at once, open sockets included; its browser must sign in again."""
    if not await leaving.end(caller.user, given.id, caller):
        raise BadInput("You have no such session.", field="id")
    return Done()


@own("/sessions/end_others", permission="edit_user_settings", active=True)
async def end_other_sessions(caller: Caller, given: OthersIn, leaving: Leaving) -> Ended:
    """End every session of the caller but the one that asks, with the sign-ins behind them."""
    return Ended(await leaving.end_others(caller, tokens=given.tokens))


@own("/users/sessions", permission="manage_users")
async def list_sessions_of(
    caller: Caller, given: WhoseIn, leaving: Leaving, governing: Governing
) -> SessionsOut:
    """List the sessions of a user. Nobody looks at a user who holds more than they do."""
    user = governing.user(caller, given.name)
    return SessionsOut([_shown(place) for place in leaving.places(user, caller)])


@own("/users/sessions/end", permission="manage_users", active=True)
async def end_sessions_of(caller: Caller, given: WhoseEndIn, leaving: Leaving, governing: Governing) -> Ended:
    """End one session of a user, or all, at once, open sockets included."""
    user = governing.user(caller, given.name)
    if not given.id:
        return Ended(await leaving.end_all(user, caller, tokens=given.tokens))
    if not await leaving.end(user, given.id, caller):
        raise BadInput(f"'{user}' has no such session.", field="id")
    return Ended(1)


def _shown(place: Place) -> SessionOut:
    view = place.view
    made_by = "sign-in" if place.by_sign_in else f"token {place.purpose}" if place.purpose else "local"
    return SessionOut(
        view.id,
        view.made // 1000,
        view.last_used // 1000,
        view.address or "unknown",
        view.client or "unknown",
        made_by,
        place.is_current,
    )
