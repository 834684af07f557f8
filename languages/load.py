"""Find the language files and read what each holds (swarm-api §6)."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

FOLDER = Path(__file__).parent
FALLBACK = "en"


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a language file must hold. `keys` maps an English text to its translation; an empty one means
    that the English is used."""

    name_en: str
    name_local: str
    keys: dict[str, str]
    authorship: str = ""


class Language(msgspec.Struct, frozen=True):
    """One language: `code` is its file's name, `local_name` what its speakers call it."""

    code: str
    name: str
    local_name: str
    keys: Mapping[str, str]

    def say(self, english: str) -> str:
        """The text in this language, or the English when there is no translation."""
        return self.keys.get(english) or english


def discover(folder: Path = FOLDER) -> dict[str, Language]:
    """Every language by code. Raises `ValueError` naming the file when one cannot be read."""
    found: dict[str, Language] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            file = msgspec.json.decode(path.read_bytes(), type=_File)
        except msgspec.DecodeError as error:
            raise ValueError(f"{path}: {error}") from error
        found[path.stem] = Language(path.stem, file.name_en, file.name_local, file.keys)
    return found
