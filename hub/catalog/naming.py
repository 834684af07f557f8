"""Names a model may be given: they become paths below the models folder and must never leave it."""

import re

from hub.errors import BadInput

MAX_DEPTH = 20
MAX_BYTES = 180
"""UTF-8 bytes of one part: file systems allow 255, and longer endings are put behind it."""

ENDING = ".safetensors"
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"|?*]')
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def clean_name(name: str, *, field: str) -> str:
    """The name with `/` between folders and without `.safetensors`.

    Raises BadInput naming `field` for one that no file can have or that would lead elsewhere.
    """
    parts = [part.strip() for part in name.replace("\\", "/").split("/")]
    clean = "/".join(part for part in parts if part)
    clean = clean[: -len(ENDING)].rstrip() if clean.lower().endswith(ENDING) else clean
    if not clean or _FORBIDDEN.search(clean) or not all(_is_usable(part) for part in clean.split("/")):
        raise _unusable(name, field)
    if clean.count("/") >= MAX_DEPTH:
        raise _unusable(name, field)
    return clean


def _is_usable(part: str) -> bool:
    try:
        length = len(part.encode())
    except UnicodeEncodeError:
        return False
    return (
        bool(part)
        and length <= MAX_BYTES
        and not part.startswith(".")
        and not part.endswith(".")
        and not _DEVICES.fullmatch(part)
    )


def _unusable(name: str, field: str) -> BadInput:
    shown = name[:100].encode("utf-8", "replace").decode()
    return BadInput(
        f"'{shown}' cannot be a model's name: use letters, digits, blanks, and `/` for folders.",
        field=field,
        limit=MAX_BYTES,
    )
