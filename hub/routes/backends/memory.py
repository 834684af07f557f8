"""FreeBackendMemory: letting go of the models that nobody is drawing with."""

from typing import Annotated

from msgspec import Meta, Struct

from backends.contract import Free
from backends.pool import Pool
from hub.accounts import Caller
from hub.errors import BadInput
from hub.wire import api

ALL = "all"


class FreeMemoryIn(Struct, frozen=True):
    """Whose memory is freed."""

    system_ram: Annotated[
        bool,
        Meta(description="Accepted for SwarmUI's clients; our engines always free both kinds of memory."),
    ] = False
    backend: Annotated[str, Meta(description="Number of an engine, or `all`.")] = ALL


class FreeMemoryOut(Struct, frozen=True):
    """`result` tells whether any engine was asked, `count` how many were."""

    result: bool
    count: int


@api("FreeBackendMemory", permission="control_mem_clean", active=True)
async def free_backend_memory(caller: Caller, given: FreeMemoryIn, pool: Pool) -> FreeMemoryOut:
    """Let engines forget every model that no running work needs; the next picture loads it again."""
    wanted = given.backend.strip()
    states = [state for state in pool.states() if wanted.lower() == ALL or str(state.id) == wanted]
    if not states and wanted.lower() != ALL:
        raise BadInput(
            f"There is no backend '{wanted[:100]}'.",
            field="backend",
            limit=[ALL, *(str(state.id) for state in pool.states())],
        )
    processes = pool.processes()
    asked = [state.id for state in states if processes.get(state.id) is not None]
    for number in asked:
        pool.send(number, Free())
    return FreeMemoryOut(bool(asked), len(asked))
