"""Basic family: the state of things, stopping, and a line for the log."""

import logging
from typing import Annotated

from msgspec import Meta, Struct

from hub.accounts import Caller
from hub.jobs import Jobs, Status
from hub.wire import Done, Nothing, api

LONGEST_MESSAGE = 4096
_log = logging.getLogger(__name__)


class InterruptIn(Struct, frozen=True):
    """How far to stop."""

    other_sessions: Annotated[
        bool, Meta(description="Stop what all sessions of the user have going, not this session's only.")
    ] = False


class MessageIn(Struct, frozen=True):
    """A line for the server's log."""

    message: Annotated[str, Meta(max_length=LONGEST_MESSAGE)]


@api("GetCurrentStatus", permission="fundamental_generate_tab_access")
async def get_current_status(caller: Caller, given: Nothing, jobs: Jobs) -> Status:
    """What this session has waiting and going, and how the engines are."""
    return jobs.status(jobs.counts(session=caller.session))


@api("InterruptAll", permission="basic_image_generation", active=True)
async def interrupt_all(caller: Caller, given: InterruptIn, jobs: Jobs) -> Done:
    """Stop everything this session has going, or everything of the user. Others are never touched."""
    jobs.interrupt(user=caller.user, session=None if given.other_sessions else caller.session)
    await jobs.settled()
    return Done()


@api("ServerDebugMessage", permission="server_debug_message")
async def server_debug_message(caller: Caller, given: MessageIn) -> Done:
    """Write a line into the server's log."""
    _log.info("debug message of user %s: %s", caller.user, given.message.encode("unicode_escape").decode())
    return Done()
