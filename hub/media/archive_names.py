"""Names inside an archive: safe on every system, and each one once. Pure."""

import re
import unicodedata

LONGEST_PART = 200
_FORBIDDEN = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f]')
_DEVICES = frozenset(("con prn aux nul " + " ".join(f"com{n} lpt{n}" for n in range(10))).split())


def safe_name(path: str) -> str:
    """A path with '/' whose parts no system minds and none of which leads out."""
    parts = [_safe_part(part) for part in path.split("/") if part not in ("", ".")]
    return "/".join(parts) or "_"


def _safe_part(part: str) -> str:
    text = "".join(
        letter if unicodedata.category(letter)[0] != "C" else "_"
        for letter in _FORBIDDEN.sub("_", unicodedata.normalize("NFC", part))
    )
    if len(text) > LONGEST_PART:
        stem, dot, ending = text.rpartition(".")
        text = f"{stem[: LONGEST_PART - 20]}{dot}{ending[:19]}" if dot else text[:LONGEST_PART]
    text = text.rstrip(". ") or "_"
    return f"_{text}" if text.partition(".")[0].lower() in _DEVICES else text


class Names:
    """Gives out names; one that differs from another in letter case only counts as the same."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def take(self, path: str) -> str:
        """A safe name for `path` that was not given yet: with (2), (3) … before its ending where needed."""
        name = safe_name(path)
        folder, slash, last = name.rpartition("/")
        stem, dot, ending = last.rpartition(".")
        number = 1
        while name.casefold() in self._given:
            number += 1
            numbered = f"{stem} ({number}){dot}{ending}" if stem else f"{last} ({number})"
            name = f"{folder}{slash}{numbered}"
        self._given.add(name.casefold())
        return name
