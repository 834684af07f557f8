"""Who is here and what all of them have going."""

import time
from typing import Annotated

from msgspec import Meta, Struct

from hub.accounts import Caller, Governing, Sessions, Users
from hub.jobs import Counts, Jobs, Status
from hub.wire import Done, Nothing, api

SECONDS_HERE = 180
"""Whoever was seen within so many seconds counts as connected (swarm-api §2.5)."""


class AddressOut(Struct, frozen=True):
    """How many sessions come from an address."""

    address: str
    count: int


class PersonOut(Struct, frozen=True):
    """A connected user and what they have going."""

    id: str
    last_active_seconds: float
    last_active: str
    active_sessions: list[AddressOut]
    waiting_gens: int
    loading_models: int
    waiting_backends: int
    live_gens: int


class PeopleOut(Struct, frozen=True):
    """Connected users by name."""

    users: list[PersonOut]


class PersonIn(Struct, frozen=True):
    """Whose work."""

    name: Annotated[str, Meta(description="Name of a user.")]


@api("GetGlobalStatus", permission="read_server_info_panels")
async def get_global_status(caller: Caller, given: Nothing, jobs: Jobs) -> Status:
    """What everybody together has waiting and going, and how the engines are."""
    return jobs.status(jobs.counts())


@api("ListConnectedUsers", permission="read_server_info_panels")
async def list_connected_users(
    caller: Caller, given: Nothing, users: Users, sessions: Sessions, jobs: Jobs
) -> PeopleOut:
    """List users seen within three minutes, or with work going."""
    now = time.time()
    here = sessions.addresses(int((now - SECONDS_HERE) * 1000))
    people = []
    for name in await users.names():
        counts = jobs.counts(user=name)
        if name in here or not counts.idle:
            people.append(_person(name, here.get(name, {}), counts, now - users.last_active(name) / 1000))
    return PeopleOut(people)


@api("AdminInterruptUser", permission="interrupt_others", active=True)
async def interrupt_user(caller: Caller, given: PersonIn, governing: Governing, jobs: Jobs) -> Done:
    """Stop everything that all sessions of a user have going."""
    jobs.interrupt(user=governing.known(given.name), session=None)
    await jobs.settled()
    return Done()


def _person(name: str, places: dict[str, int], counts: Counts, seconds: float) -> PersonOut:
    return PersonOut(
        name,
        round(seconds, 3),
        _ago(seconds),
        [AddressOut(address, count) for address, count in sorted(places.items())],
        counts.waiting_gens,
        counts.loading_models,
        counts.waiting_backends,
        counts.live_gens,
    )


def _ago(seconds: float) -> str:
    for size, word in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {word}{'' if count == 1 else 's'} ago"
    count = max(0, int(seconds))
    return f"{count} second{'' if count == 1 else 's'} ago"
