"""What is laid over a request after its presets: a grid's values of its axes, and what those do to prompts.

The parameters of the grid generator (swarm-api §5.4) mean the same in an ordinary request.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from hub.errors import BadInput

REPLACE, ADD, PRESETS = "gridgenpromptreplace", "gridgenpromptadd", "gridgenpresets"


class Over(Struct, frozen=True):
    """Parameters by id, texts in the prompts to `replace` in turn (`old=new`), texts to `add` to the prompt,
    titles of `presets` to apply last."""

    values: Mapping[str, str] = {}
    replace: tuple[str, ...] = ()
    add: tuple[str, ...] = ()
    presets: tuple[str, ...] = ()


NOTHING = Over()


def over_of(pairs: Iterable[tuple[str, str]]) -> Over:
    """What these parameters (ids and texts) come to; those of prompts and presets may come several times."""
    values: dict[str, str] = {}
    special: dict[str, list[str]] = {REPLACE: [], ADD: [], PRESETS: []}
    for key, text in pairs:
        if key in special:
            special[key].append(text)
        else:
            values[key] = text
    return Over(values, tuple(special[REPLACE]), tuple(special[ADD]), _titles(special[PRESETS]))


def taken_out(values: dict[str, Any]) -> Over:
    """What the request itself says of these, which leaves its `values`."""
    found: dict[str, tuple[str, ...]] = {}
    for key in (REPLACE, ADD, PRESETS):
        value = values.pop(key, None)
        if value is not None:
            found[key] = (str(value),)
    if not found:
        return NOTHING
    return Over({}, found.get(REPLACE, ()), found.get(ADD, ()), _titles(found.get(PRESETS, ())))


def change_prompts(values: dict[str, Any], over: Over) -> None:
    """Replace in the prompts among `values`, then add to the main one. Raises BadInput."""
    for rule in filter(None, over.replace):
        old, mark, new = rule.partition("=")
        if not mark or not old.strip():
            raise BadInput(
                f"Invalid value for parameter [Grid Gen] Prompt Replace: '{rule[:80]}' must be `old=new`.",
                field=REPLACE,
                limit="old=new",
            )
        for key, value in values.items():
            if key.endswith("prompt") and isinstance(value, str):
                values[key] = value.replace(old.strip(), new.strip())
    for text in filter(None, over.add):
        prompt = values.get("prompt", "")
        values["prompt"] = f"{prompt} {text}".strip() if isinstance(prompt, str) else text


def _titles(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(title.strip() for text in texts for title in text.split(",") if title.strip())
