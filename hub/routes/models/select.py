"""Bringing a model into memory before anyone asks for a picture: SelectModel, SelectModelWS."""

import asyncio
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from backends.contract import EngineState
from backends.loads import EngineTrouble
from backends.pool import Pool
from hub.accounts import Caller
from hub.catalog import Catalog, Entry
from hub.errors import BadInput, HubError
from hub.jobs import Jobs
from hub.wire import Stream, api, encode

FAILED = "Model failed to load."


class SelectModelIn(Struct, frozen=True):
    """Which model, and on which engine."""

    model: Annotated[str, Meta(description="Exact name; .safetensors may be left out.")]
    backendId: Annotated[str | None, Meta(description="Number of the engine to load on; none: all.")] = None


class SelectModelWSIn(Struct, frozen=True):
    """Which model to load on every engine."""

    model: Annotated[str, Meta(description="Exact name; .safetensors may be left out.")]


class Success(Struct, frozen=True):
    """Done."""

    success: bool = True


@api("SelectModel", permission="load_models_now", active=True)
async def select_model(caller: Caller, given: SelectModelIn, catalog: Catalog, pool: Pool) -> Success:
    """Loads a model now, on one engine or on all, and answers when it is in memory."""
    entry = _find(given.model, caller, catalog)
    await _load(entry, _engines(entry, pool, given.backendId), pool)
    return Success()


@api("SelectModelWS", permission="load_models_now", active=True, socket=True)
async def select_model_ws(
    caller: Caller, given: SelectModelWSIn, catalog: Catalog, pool: Pool, jobs: Jobs, stream: Stream
) -> None:
    """Loads a model now on all engines, with status frames before and after."""
    try:
        entry = _find(given.model, caller, catalog)
        engines = _engines(entry, pool, None)
        counts = jobs.counts(session=caller.session)
        loading = msgspec.structs.replace(counts, loading_models=counts.loading_models + len(engines))
        stream.push(jobs.status_frame(loading))
        await _load(entry, engines, pool)
        stream.push(encode(Success()))
    except HubError as trouble:
        stream.push(encode(trouble.body()))
    stream.push(jobs.status_frame(jobs.counts(session=caller.session)))


def _find(name: str, caller: Caller, catalog: Catalog) -> Entry:
    if not name.strip():
        raise BadInput("Invalid empty name.", field="model")
    entry = catalog.exact("Stable-Diffusion", name, caller)
    if not entry.supported:
        raise HubError(FAILED, field="model", reason=entry.reason)
    return entry


def _engines(entry: Entry, pool: Pool, wanted: str | None) -> list[EngineState]:
    """The engines that are to load the model: those switched on that have it and draw its architecture."""
    kinds = {kind.id: kind for kind in pool.types()}
    states = [state for state in pool.states() if wanted is None or str(state.id) == wanted.strip()]
    if not states:
        known = [state.id for state in pool.states()]
        raise HubError(FAILED, field="backendId", limit=known, reason="There is no engine of that number.")
    fitting = [state for state in states if state.enabled and kinds[state.type].draws(entry.class_id)]
    if not fitting:
        raise HubError(
            FAILED, field="model", reason="No engine that is switched on draws models of this kind."
        )
    having = [
        state for state in fitting if (entry.drawn_here if state.holds_any else state.id in entry.engines)
    ]
    if not having:
        raise HubError(
            FAILED,
            field="model",
            reason="No engine that was asked has this model. Choose one of those that do, or leave it open.",
        )
    return having


async def _load(entry: Entry, engines: list[EngineState], pool: Pool) -> None:
    """Load on all of them at once; enough when one succeeds. Raises HubError with the first reason."""
    ends = await asyncio.gather(
        *(pool.load(entry.ref(), state.id) for state in engines), return_exceptions=True
    )
    for end in ends:
        if end is not None and not isinstance(end, EngineTrouble):
            raise end
    if all(ends):
        raise HubError(FAILED, field="model", reason=str(ends[0]))
