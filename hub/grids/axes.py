"""The axes of a grid: from texts like `1, 2, .., 10` to values with the names of their files.

Pure. The notation is SwarmUI's (swarm-api §2.7). Values are parted by `||` where there is one, else by
commas; `SKIP:` before a value keeps it on the axis without drawing it; `..` goes on in steps between the two
values before it and the one behind it.
"""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from msgspec import Struct

from hub.errors import BadInput
from hub.params import Param, letters

MOST_AXES = 8
MOST_VALUES = 1000
"""Values that one axis may have."""

MOST_TEXT = 256 * 1024
"""Characters that the values of one axis may have together."""

REPLACE = "gridgenpromptreplace"
_SKIP = "SKIP:"
_DOTS = frozenset(("..", "...", "....", "…"))
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,20}\.?[0-9]{0,20}|\.[0-9]{1,20})")
_KEY_LENGTH = 15
_OTHER = re.compile(r"[^a-z0-9_]+")


class Value(Struct, frozen=True):
    """One value of an axis: `key` names its part of a file's path, `text` is what the parameter is set to.
    One to `skip` is shown, not drawn."""

    key: str
    text: str
    skip: bool = False

    @property
    def title(self) -> str:
        """What people read."""
        return self.text


class Axis(Struct, frozen=True):
    """One axis: the parameter it varies and the values that it takes."""

    param: Param
    values: tuple[Value, ...]

    @property
    def title(self) -> str:
        """What people read."""
        return self.param.name


def read_axes(given: Any, find: Callable[[str], Param | None]) -> tuple[Axis, ...]:
    """The axes that a client sent, as `[{"mode": parameter, "vals": text}]`.

    Those with an empty mode are left out. `find` knows the parameters.
    Raises BadInput naming the axis and its value.
    """
    if not isinstance(given, list):
        raise BadInput(
            "Invalid value for parameter 'gridAxes': it must be a list of objects with `mode` and `vals`.",
            field="gridAxes",
            limit="a list of axes",
        )
    axes = []
    for one in given:
        mode = one.get("mode") if isinstance(one, dict) else None
        values = one.get("vals") if isinstance(one, dict) else None
        if not isinstance(mode, str) or not isinstance(values, str | int | float):
            raise BadInput(
                "Invalid value for parameter 'gridAxes': each axis has the id of a parameter as `mode` and "
                "its values as the text `vals`.",
                field="gridAxes",
                limit="objects with `mode` and `vals`",
            )
        if mode.strip():
            axes.append(_axis(mode.strip(), str(values), find))
    if not axes:
        raise BadInput("A grid needs at least one axis.", field="gridAxes", limit=1)
    if len(axes) > MOST_AXES:
        raise BadInput(
            f"The grid has {len(axes)} axes, at most {MOST_AXES} are accepted.",
            field="gridAxes",
            limit=MOST_AXES,
        )
    return tuple(axes)


def _axis(mode: str, text: str, find: Callable[[str], Param | None]) -> Axis:
    # SwarmUI numbers the ids of axes that come twice (`gridgenpromptreplace_1`): letters are what counts.
    param = find(mode)
    if param is None or letters(mode) in ("images", "batchsize"):
        raise BadInput(
            f"Invalid axis '{mode[:80]}': this hub has no such parameter that could be varied.",
            field="gridAxes",
        )
    if len(text) > MOST_TEXT:
        raise wrong(param, text, f"the values are longer than {MOST_TEXT} characters", limit=MOST_TEXT)
    return Axis(param, read_values(param, text))


def read_values(param: Param, text: str) -> tuple[Value, ...]:
    """The values of an axis over `param`. Raises BadInput naming axis and value."""
    parts = [part.strip() for part in text.split("||" if "||" in text else ",")]
    while parts and not parts[-1]:
        parts.pop()
    if not parts:
        raise wrong(param, text, "an axis needs at least one value")
    found = [_marked(part) for part in parts]
    if param.type in ("integer", "decimal"):
        found = _expanded(param, found)
    if param.id == REPLACE:
        found = _replacing(found)
    if len(found) > MOST_VALUES:
        raise wrong(param, text, f"an axis has at most {MOST_VALUES} values", limit=MOST_VALUES)
    taken: set[str] = set()
    return tuple(
        Value(_key(value, place, taken), value, skip) for place, (value, skip) in enumerate(found, 1)
    )


def wrong(param: Param, value: str, why: str, *, limit: Any = None) -> BadInput:
    """The refusal of a value of an axis."""
    shown = value if len(value) <= 80 else f"{value[:80]}..."
    refusal = BadInput(f"Invalid axis '{param.name}': value '{shown}': {why}.", field=param.id, limit=limit)
    refusal.extra |= {"axis": param.name, "value": shown}
    return refusal


def _marked(part: str) -> tuple[str, bool]:
    """A value without the mark that skips it, and whether it had one."""
    if part.startswith(_SKIP):
        return part.removeprefix(_SKIP).strip(), True
    return part, False


def _expanded(param: Param, parts: Sequence[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """Numbers with the ranges between them written out."""
    found: list[tuple[str, bool]] = []
    for place, (text, skip) in enumerate(parts):
        if text not in _DOTS:
            found.append((text, skip))
            continue
        if len(found) < 2 or place + 1 >= len(parts):
            raise wrong(param, text, "two values must stand before the dots and one behind them")
        first, second = (_number(param, one[0]) for one in found[-2:])
        last = _number(param, parts[place + 1][0])
        found += [(one, skip) for one in _between(param, first, second, last)]
    return found


def _between(param: Param, first: Decimal, second: Decimal, last: Decimal) -> list[str]:
    """What lies between `second` and `last`, in steps as from `first` to `second`."""
    step = second - first
    if step == 0 or (last - second) * step < 0:
        raise wrong(param, "..", f"steps of {step} never lead from {second} to {last}")
    many = int(((last - second) / step).to_integral_value())
    if many > MOST_VALUES:
        raise wrong(param, "..", f"an axis has at most {MOST_VALUES} values", limit=MOST_VALUES)
    numbers = [second + step * count for count in range(1, many)]
    if param.type == "integer":
        numbers = [number.to_integral_value() for number in numbers]
    return [f"{number.normalize():f}" if number else "0" for number in numbers]


def _number(param: Param, text: str) -> Decimal:
    try:
        if _NUMBER.fullmatch(text):
            return Decimal(text)
    except InvalidOperation:
        pass
    raise wrong(param, text, "it stands beside dots and is no plain number")


def _replacing(parts: list[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """`old=new` for each value; where none says what it replaces, the first is what all replace."""
    if any("=" in text for text, _ in parts):
        return parts
    return [(f"{parts[0][0]}={text}", skip) for text, skip in parts]


def _key(value: str, place: int, taken: set[str]) -> str:
    """A name for files that no other value of the axis has: letters, digits and underscores."""
    key = _OTHER.sub("", value.lower().replace(".", "_"))
    if len(key) > _KEY_LENGTH:  # mostly a model's name: the folders before it tell least
        key = _OTHER.sub("", value.rpartition("/")[2].lower().removesuffix(".safetensors"))[:_KEY_LENGTH]
    if not key or key in taken:
        key = f"{key}{place}"
    while key in taken:
        key = f"{key}_2"
    taken.add(key)
    return key
