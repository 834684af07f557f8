"""How many: the numbers in a tag's square brackets, and numbers drawn from a range."""

import re

from hub.params.tags.filling import Filling

MOST = 1000
"""The largest count a tag may ask for."""

_COUNT = re.compile(r"\s*([0-9]{1,9})\s*(?:-\s*([0-9]{1,9})\s*)?(,)?\s*")
_RANGE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*-\s*([0-9]{1,15}(?:\.[0-9]{1,9})?)")


def amount(filling: Filling, tag: str, options: str | None) -> tuple[int, str]:
    """The count in `[3]`, `[2-3]` or `[2,]` (1 without), and what joins the items. Raises Lost."""
    if options is None:
        return 1, " "
    found = _COUNT.fullmatch(options)
    least, most = (int(found[1]), int(found[2] or found[1])) if found is not None else (1, 0)
    if found is None or least > most or most > MOST:
        raise filling.lost(
            f"<{tag}[{options[:100]}]:…> needs a count like [3] or [2-3] of at most {MOST} in its brackets"
        )
    count = least if least == most else least + filling.number(most - least + 1)
    return count, ", " if found[3] else " "


def ranged(filling: Filling, text: str) -> str:
    """A number by chance for a range like `1-5` or `0.5-1.5`, both ends included; other texts as they are."""
    found = _RANGE.fullmatch(text)
    if found is None:
        return text
    places = max(len(bound.partition(".")[2]) for bound in found.groups())
    if not places:
        low, high = sorted((int(found[1]), int(found[2])))
        return str(low + filling.number(high - low + 1))
    low_end, high_end = sorted((float(found[1]), float(found[2])))
    return f"{low_end + filling.part() * (high_end - low_end):.{max(places, 2)}f}"
