"""The hub's log and its engines', as an administrator follows them (swarm-api §11)."""

import colorsys
from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct

from backends.pool import Pool
from hub.accounts import Caller
from hub.errors import BadInput
from hub.logs import KINDS, Kind, Line, Recent, clock_text, newer, scrub
from hub.wire import Body, Nothing, api

_ENGINE = "backend-"


class KindOut(Struct, frozen=True):
    """A kind of lines: ours by level, and one of each engine."""

    name: str
    color: str
    identifier: str


class KindsOut(Struct, frozen=True):
    """Every kind there is."""

    types_available: list[KindOut]


class LinesIn(Struct, frozen=True):
    """Which kinds, and what of each was seen already."""

    raw: Annotated[
        Body,
        Meta(
            description="`types`: identifiers of kinds (left out: all); `last_sequence_ids`: identifier to "
            "the number of the last line seen (left out: nothing was seen)."
        ),
    ]


class LineOut(Struct, frozen=True):
    """One line; `time` by the server's clock."""

    sequence_id: int
    time: str
    message: str


class LinesOut(Struct, frozen=True):
    """Lines by kind, oldest first; `last_sequence_id` is the newest line's of all kinds."""

    types_available: list[KindOut]
    last_sequence_id: int
    data: dict[str, list[LineOut]]


@api("ListLogTypes", permission="view_logs")
async def list_log_types(caller: Caller, given: Nothing, pool: Pool) -> KindsOut:
    """List the kinds of lines that ListRecentLogMessages knows."""
    return KindsOut(_kinds(pool))


@api("ListRecentLogMessages", permission="view_logs")
async def list_recent_lines(caller: Caller, given: LinesIn, recent: Recent, pool: Pool) -> LinesOut:
    """List the latest lines of some kinds; kinds nobody knows are passed over."""
    wanted = given.raw.get("types")
    seen = given.raw.get("last_sequence_ids") or {}
    if wanted is not None and not isinstance(wanted, list):
        raise BadInput("'types' must be a list of identifiers.", field="types")
    if not isinstance(seen, dict):
        raise BadInput("'last_sequence_ids' must map identifiers to numbers.", field="last_sequence_ids")
    available = _kinds(pool)
    known = [kind.identifier for kind in available]
    data = {
        kind: [_shown(line) for line in _lines(kind, _number(seen, kind), recent, pool)]
        for kind in (known if wanted is None else wanted)
        if kind in known
    }
    newest = [lines[-1].sequence_id for lines in data.values() if lines]
    return LinesOut(available, max([recent.last, *newest]), data)


def _kinds(pool: Pool) -> list[KindOut]:
    engines = (
        Kind(f"{state.title or state.type} ({state.id})", _colour(state.id), f"{_ENGINE}{state.id}")
        for state in pool.states()
    )
    return [KindOut(kind.name, kind.color, kind.identifier) for kind in (*KINDS, *engines)]


def _lines(kind: str, after: int, recent: Recent, pool: Pool) -> list[Line]:
    number = kind.removeprefix(_ENGINE)
    if number == kind:
        return recent.of(kind, after)
    return newer((Line(int(line.time * 1e6), scrub(line.text)) for line in pool.lines(int(number))), after)


def _number(seen: Mapping[str, Any], kind: str) -> int:
    value = seen.get(kind, 0)
    if not isinstance(value, int):
        raise BadInput("'last_sequence_ids' must map identifiers to numbers.", field="last_sequence_ids")
    return value


def _shown(line: Line) -> LineOut:
    return LineOut(line.sequence, clock_text(line.seconds), line.text)


def _colour(number: int) -> str:
    """Engines side by side get colours far apart."""
    parts = colorsys.hsv_to_rgb(number * 0.381966 % 1.0, 0.45, 1.0)
    return "#" + "".join(f"{round(255 * part):02X}" for part in parts)
