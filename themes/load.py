"""Find the theme folders and read what each says about itself."""

import re
from pathlib import Path

import msgspec

FOLDER = Path(__file__).parent
_ID = re.compile(r"[a-z][a-z0-9_]{0,63}")


class _Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `theme.json` must hold."""

    name: str
    is_dark: bool
    contrast: str = "normal"
    author: str = ""


class Theme(msgspec.Struct, frozen=True):
    """One theme as the page and `GetUserSettings` list it.

    `css_paths` are addresses relative to the page, in the order in which they apply.
    """

    id: str
    name: str
    is_dark: bool
    css_paths: tuple[str, ...]


def discover(folder: Path = FOLDER) -> dict[str, Theme]:
    """Read every theme below `folder`, ordered by id.

    Raises `ValueError` naming the file when a folder has a `theme.json` that cannot be read or lacks
    its `theme.css`: a theme that silently vanished from the list would be harder to find.
    """
    found: dict[str, Theme] = {}
    for card_path in sorted(folder.glob("*/theme.json")):
        found[card_path.parent.name] = _read(card_path)
    return found


def _read(card_path: Path) -> Theme:
    theme_id = card_path.parent.name
    if not _ID.fullmatch(theme_id):
        raise ValueError(f"{card_path}: a theme folder is named with a-z, 0-9 and _, beginning with a letter")
    try:
        card = msgspec.json.decode(card_path.read_bytes(), type=_Card)
    except msgspec.DecodeError as error:
        raise ValueError(f"{card_path}: {error}") from error
    if not (card_path.parent / "theme.css").is_file():
        raise ValueError(f"{card_path.parent}: theme.css is missing")
    return Theme(theme_id, card.name, card.is_dark, (f"assets/themes/{theme_id}/theme.css",))
