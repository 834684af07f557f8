"""FreeBackendMemory: letting go of the models that nobody is drawing with."""

from typing import Annotated

from msgspec import Meta, Struct

from backends.contract import Free
from backends.pool import Pool
from hub.accounts import Caller
from hub.engines import Engines
from hub.wire import api


class FreeMemoryIn(Struct, frozen=True):
    """Whose memory is freed."""

    system_ram: Annotated[
        bool,
        Meta(description="Accepted for SwarmUI's clients; our engines always free both kinds of memory."),
    ] = False
    backend: Annotated[str, Meta(description="Number of an engine, or `all`.")] = "all"


class FreeMemoryOut(Struct, frozen=True):
    """`result` tells whether any engine was asked, `count` how many were."""

    result: bool
    count: int


@api("FreeBackendMemory", permission="control_mem_clean", active=True)
async def free_backend_memory(
    caller: Caller, given: FreeMemoryIn, engines: Engines, pool: Pool
) -> FreeMemoryOut:
    """Let engines forget every model that no running work needs; the next picture loads it again."""
    engines.demand_unlocked()
    there = pool.serving()
    asked = [view.config.id for view in engines.meant(given.backend) if view.config.id in there]
    for number in asked:
        pool.send(number, Free())
    return FreeMemoryOut(bool(asked), len(asked))
