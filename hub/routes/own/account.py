"""One's own account: its end."""

from typing import Annotated

from msgspec import Meta, Struct

from hub.accounts import COOKIE, Caller, Governing, SignIn
from hub.departures import Departures
from hub.wire import Done, Door, own


class DeleteMeIn(Struct, frozen=True):
    """What proves that it is really the user who asks."""

    password: Annotated[
        str,
        Meta(
            description="The account's password, in any form that Login takes. An account without one is "
            "deleted within ten minutes of signing in."
        ),
    ] = ""


@own("/account/delete", permission="fundamental", active=True)
async def delete_me(
    caller: Caller,
    given: DeleteMeIn,
    door: Door,
    sign_in: SignIn,
    governing: Governing,
    departures: Departures,
) -> Done:
    """Delete the caller's account with everything of it: work under way, pictures, history, presets,
    settings, keys, tokens. It cannot be undone. The last owner cannot go.
    """
    await governing.demand_deletable(caller.user)
    await sign_in.confirm_deletion(caller, given.password)
    await departures.depart(caller.user, by=caller.user, may=governing.demand_deletable)
    door.drop_cookie(COOKIE)
    return Done()
