"""FreeBackendMemory: letting go of the models that nobody draws with, and of what the hub keeps handy."""

import asyncio
import time
from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from backends.contract import EngineState, Free
from backends.pool import Pool
from hub.accounts import Caller
from hub.engines import Engines
from hub.media import Media
from hub.resources import give_back, resident
from hub.wire import api

SECONDS = 5.0
"""How long an engine may take to tell that it has let go; later it does so all the same."""
LOOK_SECONDS = 0.05


class FreeMemoryIn(Struct, frozen=True):
    """Whose memory is freed."""

    system_ram: Annotated[
        bool,
        Meta(description="Accepted for SwarmUI's clients; our engines always free both kinds of memory."),
    ] = False
    backend: Annotated[str, Meta(description="Number of an engine, or `all`.")] = "all"


class FreedOut(Struct, frozen=True):
    """What an engine let go of: `models` by name, and `memory` in bytes of its processes (0 for one
    elsewhere). What running works need it keeps, and what it is slow to let go of is not counted."""

    id: int
    title: str
    models: list[str]
    memory: int


class FreeMemoryOut(Struct, frozen=True):
    """`result` tells whether any engine was asked, `count` how many were, `freed` what each let go of;
    `hub_memory` is how many bytes the hub itself gave back."""

    result: bool
    count: int
    freed: list[FreedOut]
    hub_memory: int


@api("FreeBackendMemory", permission="control_mem_clean", active=True)
async def free_backend_memory(
    caller: Caller, given: FreeMemoryIn, engines: Engines, pool: Pool, media: Media
) -> FreeMemoryOut:
    """Let engines forget every model that no running work needs, and the hub what it can make anew; the next
    picture loads its model again. Tells what was freed."""
    engines.demand_unlocked()
    there = pool.serving()
    asked = [view.config.id for view in engines.meant(given.backend) if view.config.id in there]
    states = {state.id: state for state in pool.states()}
    processes = pool.processes()
    before = await _resident([processes.get(number) for number in asked])
    for number in asked:
        pool.send(number, Free())
    await _let_go(pool, asked)
    after = await _resident([processes.get(number) for number in asked])
    left = {state.id: state.models for state in pool.states()}
    freed = [
        _freed(states[number], left.get(number, ()), was - now)
        for number, was, now in zip(asked, before, after, strict=True)
    ]
    media.thumbs.let_go()
    return FreeMemoryOut(bool(asked), len(asked), freed, await asyncio.to_thread(give_back))


async def _let_go(pool: Pool, asked: Sequence[int]) -> None:
    """Wait until the idle ones of the engines hold nothing, within bounds."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        holding = [state for state in pool.states() if state.id in asked and state.models and not state.busy]
        if not holding:
            return
        await asyncio.sleep(LOOK_SECONDS)


async def _resident(processes: Sequence[int | None]) -> list[int]:
    return await asyncio.to_thread(lambda: [resident(process) for process in processes])


def _freed(was: EngineState, left: Sequence[str], memory: int) -> FreedOut:
    return FreedOut(was.id, was.title, [name for name in was.models if name not in left], max(0, memory))
