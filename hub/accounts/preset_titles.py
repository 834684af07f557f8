"""What a preset may be called, and how a copy is. Pure."""

import re
import unicodedata
from collections.abc import Callable

LONGEST_TITLE = 300
_FORBIDDEN = re.compile(r'[<>:"|?*~&@;#$^.]')
_DEVICES = frozenset(
    ("con prn aux nul " + " ".join(f"com{n} lpt{n}" for n in range(10))).split()
)  # names of devices, which Windows opens instead of a file


def clean_title(title: str) -> str:
    """A title as it is kept: no dots or characters a file name cannot have, `/` between folders; "" for
    nothing.

    So "v1.5" becomes "v15" (swarm-api §14.21).
    """
    text = _FORBIDDEN.sub("", title.replace("\\", "/"))
    text = "".join(letter for letter in text if unicodedata.category(letter)[0] != "C")
    parts = [part for part in (piece.strip() for piece in text.split("/")) if part]
    return "/".join(f"{part}_" if part.lower() in _DEVICES else part for part in parts)


def copy_title(title: str, taken: Callable[[str], bool]) -> str:
    """The first of "title (2)", "title (3)" … that is free."""
    number = 2
    while taken(f"{title} ({number})"):
        number += 1
    return f"{title} ({number})"
