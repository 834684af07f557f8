"""Numbers among a work's extra parameters, checked here because nobody else knows them. Pure."""

import math

from backends.contract import Work


def amount(work: Work, name: str, standard: float, most: float) -> float:
    """The extra parameter of this name, from 0 to `most`; `standard` when it is not there.

    Raises ValueError with a sentence for what is no such number.
    """
    given = work.extra.get(name, standard)
    number = float(given) if isinstance(given, int | float) else math.nan
    if not 0 <= number <= most:
        raise ValueError(f"{name} is {given!r}; it is a number from 0 to {most:g}.")
    return number
