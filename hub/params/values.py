"""One loose value to a typed one; a refusal names the parameter and what is accepted (swarm-api §4.1)."""

import math
import re
from typing import Any

from hub.errors import BadInput
from hub.params.spec import Param

LIST_MARK = "\n|||\n"
"""What stands between the items of a list that is sent as one text."""

_WHOLE = re.compile(r"[+-]?[0-9]{1,40}(?:\.0{0,20})?")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,4})?")
_SHOWN = 100


def text_of(param: Param, value: Any) -> str:
    """The text of a JSON value: lists are joined, null is empty. Objects are refused."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return LIST_MARK.join(_item(param, item) for item in value)
    return _item(param, value)


def items_of(param: Param, value: Any, limit: int) -> list[str]:
    """The items of a list: an array's, else those of one text, parted by the list mark or by commas.

    Empty items of a text are dropped, so that a trailing comma means nothing. More than `limit` are refused.
    """
    if isinstance(value, list | tuple):
        items = [_item(param, item) for item in value[: limit + 1]]
    else:
        text = text_of(param, value)
        items = text.split(LIST_MARK.strip() if LIST_MARK.strip() in text else ",", limit + 1)
    found = [item.strip() for item in items if item.strip()]
    if len(found) > limit:
        raise refused(param, f"at most {limit} are accepted, and more were given", limit=limit)
    return found


def integer(param: Param, value: Any) -> int:
    """A whole number within the parameter's range; `20.0` and `"20"` are whole."""
    if type(value) is int:
        number = value
    elif isinstance(value, float) and value.is_integer():
        number = int(value)
    else:
        text = text_of(param, value).strip()
        if _WHOLE.fullmatch(text) is None:
            hint = "must be a valid integer (eg '0', '3', '-5', etc)"
            raise refused(param, f"Invalid integer value for param {param.name} - '{_cut(text)}' - {hint}")
        number = int(text.partition(".")[0])
    if param.bounded and not param.min <= number <= param.max:
        raise _out_of_range(param, "integer", number)
    return number


def decimal(param: Param, value: Any) -> float:
    """A finite number within the parameter's range."""
    if type(value) is float or type(value) is int:
        number = _float(value)
    else:
        text = text_of(param, value).strip()
        number = float(text) if _DECIMAL.fullmatch(text) is not None else math.nan
    if not math.isfinite(number):
        hint = "must be a valid decimal (eg '0.0', '3.5', '-5.2', etc)"
        shown = shown_value(value)
        raise refused(param, f"Invalid decimal value for param {param.name} - '{shown}' - {hint}")
    if param.bounded and not param.min <= number <= param.max:
        raise _out_of_range(param, "decimal", value)
    return number


def boolean(param: Param, value: Any) -> bool:
    """True or false, as JSON or as a word in any letter case; 1 and 0 are neither."""
    if isinstance(value, bool):
        return value
    text = text_of(param, value).strip().lower()
    if text not in ("true", "false"):
        raise refused(
            param,
            f"Invalid boolean value for param {param.name} - '{shown_value(value)}' - "
            "must be exactly 'true' or 'false'",
            limit=["true", "false"],
        )
    return text == "true"


def sized_text(param: Param, value: Any, limit: int) -> str:
    """A text of at most `limit` bytes of UTF-8, without NUL characters."""
    text = text_of(param, value)
    try:
        length = len(text) if text.isascii() else len(text.encode())
    except UnicodeEncodeError:
        raise refused(
            param, f"the text of param {param.name} holds characters that are not Unicode"
        ) from None
    if length > limit:
        raise refused(
            param,
            f"the text of param {param.name} is {length} bytes long - at most {limit} are accepted",
            limit=limit,
        )
    return text.replace("\0", "") if "\0" in text else text


def refused(param: Param, reason: str, *, limit: Any = None) -> BadInput:
    """The refusal of a parameter's value, with the range as limit when the reason has none of its own."""
    if limit is None and param.bounded:
        limit = {"min": param.min, "max": param.max}
    return BadInput(f"Invalid value for parameter {param.name}: {reason}", field=param.id, limit=limit)


def shown_value(value: Any) -> str:
    """A value for an error text: short, whatever was sent."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 128:
        return f"a number of {value.bit_length()} bits"
    if isinstance(value, list | tuple | dict):
        return "a list" if not isinstance(value, dict) else "an object"
    return _cut("" if value is None else str(value))


def _item(param: Param, value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value.bit_length() <= 128 else shown_value(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    raise refused(param, f"param {param.name} takes a plain value, not {shown_value(value)}")


def _float(value: float | int) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _out_of_range(param: Param, kind: str, value: Any) -> BadInput:
    low, high = _number(param.min), _number(param.max)
    return refused(
        param,
        f"Invalid {kind} value for param {param.name} - '{shown_value(value)}' - "
        f"must be between {low} and {high}",
    )


def _number(value: float | int) -> str:
    return str(value) if isinstance(value, int) else f"{value:g}"


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
