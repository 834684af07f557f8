"""CheckForUpdates and UpdateAndRestart (swarm-api §2.5)."""

import logging
from typing import Annotated, Any

from msgspec import Meta, Struct

from hub.accounts import Caller
from hub.errors import HubError
from hub.updates import Updates
from hub.wire import Body, Ending, Nothing, api

NO_RESTART = (
    "it is not in force before a restart, and nobody would start this hub again: it was not started by "
    "launch.py. Restart it where you started it."
)
_log = logging.getLogger("hub")


class ServerOut(Struct, frozen=True):
    """How many commits the hub's own copy lacks, and the first lines of the newest six."""

    count: int
    preview: list[str]


class ForUpdatesOut(Struct, frozen=True):
    """`extensions` and `backends` are always empty: the hub installs neither."""

    server: ServerOut
    extensions: dict[str, Any]
    backends: dict[str, Any]


class UpdateIn(Struct, frozen=True):
    """What to bring up to date."""

    doUpdateServer: Annotated[bool, Meta(description="Whether the hub itself is.")] = False
    aggressive: Annotated[
        bool, Meta(description="Refused: it would throw away files that were changed by hand.")
    ] = False
    force: Annotated[bool, Meta(description="Whether to restart even when there is nothing new.")] = False
    raw: Annotated[
        Body,
        Meta(
            description="`extensionsToUpdate`, `backendsToUpdate`: must be empty, the hub installs neither."
        ),
    ] = {}


class UpdateOut(Struct, frozen=True):
    """`success` is false when there was nothing to do; then the hub is not restarted."""

    success: bool
    result: str


@api("CheckForUpdates", permission="restart")
async def check_for_updates(caller: Caller, given: Nothing, updates: Updates) -> ForUpdatesOut:
    """Ask the repository that this copy of the hub was taken from whether there is something new.

    Only then is it called. Refused with the reason where the copy follows none.
    """
    behind = await updates.look()
    return ForUpdatesOut(ServerOut(behind.count, behind.preview), {}, {})


@api("UpdateAndRestart", permission="restart", active=True)
async def update_and_restart(caller: Caller, given: UpdateIn, updates: Updates, ending: Ending) -> UpdateOut:
    """Take what is new, forward only, and start the hub anew; accepted work goes on afterwards.

    Refused when files of the copy were changed by hand, and where nobody would start the hub again (then
    nothing was taken either).
    """
    _refuse_others(given)
    if not ending.supervised:
        raise HubError(f"The update was not taken: {NO_RESTART}")
    taken = 0
    if given.doUpdateServer:
        taken = (await updates.take()).count
    if not taken and not given.force:
        return UpdateOut(False, "No changes found.")
    _log.warning("user %s updates (%d commits) and restarts the hub", caller.user, taken)
    ending.soon(restart=True)
    what = f"Update successful ({taken} commits). " if taken else ""
    return UpdateOut(True, f"{what}Restarting… (wait a moment, then refresh the page)")


def _refuse_others(given: UpdateIn) -> None:
    if given.aggressive:
        raise HubError(
            "An aggressive update would throw away files that were changed by hand; this hub never does. "
            "Undo those changes yourself.",
            field="aggressive",
        )
    for field, word in (("extensionsToUpdate", "extensions"), ("backendsToUpdate", "backends")):
        if given.raw.get(field):
            raise HubError(f"This hub installs no {word}, so it updates none.", field=field)
