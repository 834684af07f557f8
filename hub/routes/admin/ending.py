"""Ending the hub, having it started anew, and telling it that somebody controls it (swarm-api §2.5)."""

import logging

from hub.accounts import Caller
from hub.errors import HubError
from hub.settings import Settings
from hub.wire import Done, Ending, Nothing, api, own

NOBODY_STARTS_IT = (
    "Nobody would start this hub again: it was not started by launch.py. Restart it where you started it. "
    "(A supervisor that starts it again on exit code 42 says so by the environment variable HUB_RESTARTS=1.)"
)
_log = logging.getLogger("hub")


@api("ShutdownServer", permission="shutdown", active=True)
async def shutdown_server(caller: Caller, given: Nothing, ending: Ending) -> Done:
    """Stop the hub in a moment. Accepted work goes on at its next start."""
    _log.warning("user %s stops the hub", caller.user)
    ending.soon()
    return Done()


@own("/restart", permission="restart", active=True)
async def restart_server(caller: Caller, ending: Ending) -> Done:
    """Stop the hub in a moment and have it started anew, with its settings read again; accepted work goes
    on. Refused where nobody would start it."""
    if not ending.supervised:
        raise HubError(NOBODY_STARTS_IT)
    _log.warning("user %s restarts the hub", caller.user)
    ending.soon(restart=True)
    return Done()


@api("AdminTakeControl", permission="automated_control", active=True)
async def take_control(caller: Caller, given: Nothing, ending: Ending, settings: Settings) -> Done:
    """Tell that whoever controls this hub is there. Where the setting `network.control_seconds` says so, the
    hub stops when this is not told again in time."""
    ending.controlled(settings.network.control_seconds)
    return Done()
