"""The language files: English complete, a missing translation falls back, a broken file is named."""

from pathlib import Path

import msgspec
import pytest

from hub.accounts.preference_list import PREFERENCES
from languages import FALLBACK, discover
from permissions import FLAGS, ROLES


def write(folder: Path, code: str, body: object) -> None:
    (folder / f"{code}.json").write_bytes(msgspec.json.encode(body))


def test_english_has_every_text_the_server_shows() -> None:
    keys = discover()[FALLBACK].keys
    texts = {flag.text for flag in FLAGS.values()} | {flag.name for flag in FLAGS.values()}
    texts |= {entry.text for entry in PREFERENCES} | {role.text for role in ROLES.values()}
    texts |= {name for entry in PREFERENCES for name in entry.names or ()}
    assert texts - keys.keys() == set()


def test_no_other_language_has_keys_that_english_lacks() -> None:
    found = discover()
    for code, language in found.items():
        assert language.keys.keys() <= found[FALLBACK].keys.keys(), code


def test_a_missing_or_empty_translation_is_the_english(tmp_path: Path) -> None:
    keys = {"Stop": "Halt", "Generate": ""}
    write(tmp_path, "de", {"name_en": "German", "name_local": "Deutsch", "keys": keys})
    german = discover(tmp_path)["de"]
    assert (german.local_name, german.say("Stop")) == ("Deutsch", "Halt")
    assert (german.say("Generate"), german.say("Seed")) == ("Generate", "Seed")


@pytest.mark.parametrize(
    "body", [{"name_en": "X", "keys": {}}, {"name_en": "X", "name_local": "X", "keys": {"a": 1}}]
)
def test_a_file_that_lacks_something_is_named(tmp_path: Path, body: object) -> None:
    write(tmp_path, "xx", body)
    with pytest.raises(ValueError, match=r"xx\.json"):
        discover(tmp_path)
