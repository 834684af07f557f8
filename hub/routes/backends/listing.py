"""ListBackends, ListBackendTypes, and the lines that an engine has said."""

from typing import Annotated

from msgspec import Meta, Struct

from hub.accounts import Caller
from hub.engines import Engines
from hub.logs import scrub
from hub.routes.backends.views import BackendView, TypeView, view_of, view_of_type
from hub.wire import Nothing, api, own

FLAG = "view_backends_list"


class TypesOut(Struct, frozen=True):
    """Every type an engine may be of."""

    list: list[TypeView]


class ListIn(Struct, frozen=True):
    """What to tell."""

    nonreal: Annotated[
        bool, Meta(description="Accepted for SwarmUI's clients; every engine here is a real one.")
    ] = False
    full_data: Annotated[bool, Meta(description="Whether `current_model` is told too.")] = False


class LinesIn(Struct, frozen=True):
    """Whose lines."""

    backend_id: Annotated[int, Meta(description="Number of an engine.")]


class LineView(Struct, frozen=True):
    """One line: `time` in unix seconds, `level` debug, info, warning or error."""

    time: float
    level: str
    text: str


class LinesOut(Struct, frozen=True):
    """The last lines, oldest first."""

    lines: list[LineView]


@api("ListBackendTypes", permission=FLAG)
async def list_backend_types(caller: Caller, given: Nothing, engines: Engines) -> TypesOut:
    """List the types of engines this hub knows, each with its settings."""
    return TypesOut([view_of_type(kind) for kind in engines.types()])


@api("ListBackends", permission=FLAG)
async def list_backends(caller: Caller, given: ListIn, engines: Engines) -> dict[str, BackendView]:
    """List the engines that are set up.

    The answer's root maps the number of each engine to the engine, in order of the numbers, and holds nothing
    else: `type`, `status`, `id`, `settings`, `modcount`, `features`, `enabled`, `title`, `max_usages`,
    `seconds_since_used`, `time_since_used`, `can_load_models`, ours `reason`, `device`, `busy`, and with
    `full_data` the `current_model`. See AddNewBackend for what they mean.
    """
    return {str(view.config.id): view_of(view, full=given.full_data) for view in engines.all()}


@own("/backends/lines", permission="view_logs", method="GET")
async def list_backend_lines(caller: Caller, given: LinesIn, engines: Engines) -> LinesOut:
    """Tell the last lines an engine has said, so that one sees why it fails."""
    lines = engines.lines(given.backend_id)
    return LinesOut([LineView(line.time, line.level, scrub(line.text)) for line in lines])
