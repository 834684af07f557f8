"""For developers of the hub itself: texts of the page that no language has yet, the API's pages (swarm-api
§2.5). Both write below the data folder only, so that the copy that runs stays as it was taken.
"""

import asyncio
import logging
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

import languages
from hub.accounts import Caller
from hub.errors import BadInput
from hub.settings import Settings
from hub.wire import Body, Nothing, Switchboard, api, save_pages

MOST_AT_ONCE = 10_000
MOST_KEPT = 50_000
LONGEST = 2000
"""Characters of a text."""
_log = logging.getLogger("hub")
_writing = asyncio.Lock()


class TextsIn(Struct, frozen=True):
    """What the page shows."""

    raw: Annotated[Body, Meta(description="`set`: a list of English texts.")]


class TextsOut(Struct, frozen=True):
    """`added` texts were new; the file in the data folder has `total` that no language file knows."""

    success: bool
    added: int
    total: int


class PagesOut(Struct, frozen=True):
    """How many `pages` were written, and into which `folder` of the data folder."""

    success: bool
    pages: int
    folder: str


@api("DebugLanguageAdd", permission="admin_debug", active=True)
async def add_language_texts(caller: Caller, given: TextsIn, settings: Settings) -> TextsOut:
    """Note English texts of the page that the language files lack, for whoever translates.

    They are kept in `languages/en.debug.json` of the data folder, in the form of a language file.
    """
    texts = given.raw.get("set")
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise BadInput("'set' must be a list of texts.", field="set", limit="texts")
    if len(texts) > MOST_AT_ONCE or any(len(text) > LONGEST for text in texts):
        raise BadInput(
            f"At most {MOST_AT_ONCE} texts of at most {LONGEST} characters are taken at once.",
            field="set",
            limit=[MOST_AT_ONCE, LONGEST],
        )
    async with _writing:
        return await asyncio.to_thread(_note, settings.folders.data / "languages", texts)


@api("DebugGenDocs", permission="admin_debug", active=True)
async def write_docs(caller: Caller, given: Nothing, board: Switchboard, settings: Settings) -> PagesOut:
    """Write the API's pages from the routes as they are declared, into the data folder.

    The pages that come with the hub are written by `python -m hub docs`.
    """
    async with _writing:
        count = await asyncio.to_thread(save_pages, board.routes, settings.folders.data / "docs" / "api")
    _log.info("user %s had %d pages of the API written", caller.user, count)
    return PagesOut(True, count, "docs/api")


def _note(folder: Path, texts: list[str]) -> TextsOut:
    """Add the texts that are known nowhere to the file. Blocks."""
    file = folder / "en.debug.json"
    known = languages.discover()[languages.FALLBACK].keys
    kept = _kept(file)
    before = len(kept)
    for text in texts:
        if text.strip() and text not in known and len(kept) < MOST_KEPT:
            kept.setdefault(text, "")
    if len(kept) > before:
        folder.mkdir(parents=True, exist_ok=True)
        body: dict[str, Any] = {
            "name_en": "English",
            "name_local": "English",
            "keys": dict(sorted(kept.items())),
        }
        beside = file.with_suffix(".new")
        beside.write_bytes(msgspec.json.format(msgspec.json.encode(body), indent=1))
        beside.replace(file)
    return TextsOut(True, len(kept) - before, len(kept))


def _kept(file: Path) -> dict[str, str]:
    """What the file has; a damaged one begins anew."""
    try:
        found = msgspec.json.decode(file.read_bytes())["keys"]
    except (OSError, msgspec.DecodeError, KeyError, TypeError):
        return {}
    return {str(key): "" for key in found} if isinstance(found, dict) else {}
