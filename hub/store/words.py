"""The words of every image's prompt, as a full-text index beside the images (SQLite FTS5).

The index holds no text of its own. Triggers keep it on the writer's connection, so that a row and its words
are always committed together; they are temporary, because a table rebuilt by a migration would lose lasting
ones. Which rows are in it, FTS5's own table of document sizes tells: rows that are missing (from before the
index was there) are added a few at a time, newest first, while everything else goes on.

Every entry has a second column with a word that stands for its owner, so that one user's search never walks
through the pictures of all others.
"""

import asyncio
import re
import sqlite3
from contextlib import suppress
from functools import partial

from hub.store.reading import Reading, TooLong
from hub.store.writer import Writer

_TABLE = "image_words"
_KNOWN = "SELECT 1 FROM image_words_docsize d WHERE d.id = {id}"
_SCHEMA = (
    f"CREATE VIRTUAL TABLE IF NOT EXISTS {_TABLE} USING fts5(owner, prompt, content='', "
    "tokenize='unicode61 remove_diacritics 2')"
)
_ADD = f"INSERT INTO {_TABLE}(rowid, owner, prompt) "
_REMOVE = (
    f"INSERT INTO {_TABLE}({_TABLE}, rowid, owner, prompt) "  # noqa: S608
    "VALUES ('delete', old.id, owner_word(old.user), prompt_words(old.prompt));"
)
_ADD_NEW = f"{_ADD} VALUES (new.id, owner_word(new.user), prompt_words(new.prompt));"
_IS_KNOWN = f"EXISTS({_KNOWN.format(id='old.id')})"
_TRIGGERS = (
    f"CREATE TEMP TRIGGER words_added AFTER INSERT ON main.images BEGIN {_ADD_NEW} END",
    f"CREATE TEMP TRIGGER words_removed AFTER DELETE ON main.images WHEN {_IS_KNOWN} BEGIN {_REMOVE} END",
    "CREATE TEMP TRIGGER words_changed AFTER UPDATE OF user, prompt ON main.images "
    f"WHEN {_IS_KNOWN} BEGIN {_REMOVE} {_ADD_NEW} END",
)
_MISSING = (
    f"SELECT id FROM images i WHERE NOT EXISTS({_KNOWN.format(id='i.id')}) AND id < ? "  # noqa: S608
    "ORDER BY id DESC LIMIT ?"
)
_CATCH_UP = (
    f"{_ADD} SELECT id, owner_word(user), prompt_words(prompt) FROM images i "  # noqa: S608
    f"WHERE id = ? AND NOT EXISTS({_KNOWN.format(id='i.id')})"
)
_LOOKED_AT = 2_000  # rows without words that are looked up together
_AT_ONCE = 20  # rows added in one turn of the loop: about a millisecond
_PAUSE = 0.004  # seconds between them, for everybody else
_MOST_WORDS = 32
_SHORTEST_BEGINNING = 3  # letters from which on a word also finds words that begin with it
# Written without blanks: each sign is a word of its own, found as part of a phrase.
_SIGNS = re.compile(r"([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af\u0e00-\u0e7f])")
_ASKED = re.compile(r'(-?)(?:"([^"]*)"?|([^\s"]+))')


class Words:
    """The index of one store. `ready` tells whether this Python's SQLite can keep one."""

    def __init__(self, writer: Writer, reading: Reading) -> None:
        self._writer = writer
        self._reading = reading
        self._task: asyncio.Task[None] | None = None
        self.ready = False

    def begin(self) -> None:
        """Make the index where it is missing, keep it from now on and add in the background what it lacks."""
        try:
            self._writer.prepare(_prepare)
        except sqlite3.OperationalError:  # built without FTS5: prompts are then searched as plain text
            return
        self.ready = True
        self._task = asyncio.get_running_loop().create_task(self._catch_up(), name="words of images")

    async def caught_up(self) -> None:
        """Return once every row has its words."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def close(self) -> None:
        """Stop adding; the rest is added after the next start."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _catch_up(self) -> None:
        below = 1 << 62
        with suppress(TooLong):
            while missing := await self._reading.run(partial(_missing, below)):
                for start in range(0, len(missing), _AT_ONCE):
                    await self._writer.write(partial(_add, missing[start : start + _AT_ONCE]))
                    await asyncio.sleep(_PAUSE)
                below = missing[-1]


def has_index(db: sqlite3.Connection) -> bool:
    """Whether prompts are indexed here."""
    return db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (_TABLE,)).fetchone() is not None


def matching(user: str, asked: str) -> str | None:
    """The full-text query for what a user typed; None when there is no word in it.

    Every word must be there, whole or as a beginning; "words in quotes" as they stand; -words not at all.
    Whatever else is typed counts as a blank, so that nothing is ever a mistake.
    """
    wanted: list[str] = []
    unwanted: list[str] = []
    for minus, phrase, word in _ASKED.findall(asked.replace("\0", " "))[:_MOST_WORDS]:
        text = prompt_words(phrase or word)
        if not any(sign.isalnum() for sign in text):
            continue
        quoted = '"' + text.replace('"', " ").strip() + '"'
        begins = word and len(word) >= _SHORTEST_BEGINNING and word[-1].isalnum()
        (unwanted if minus else wanted).append(f"{quoted} *" if begins else quoted)
    if not wanted and not unwanted:
        return None
    query = " AND ".join([f'owner : "{owner_word(user)}"', *(f"prompt : {one}" for one in wanted)])
    return f"({query})" + "".join(f" NOT prompt : {one}" for one in unwanted)


def prompt_words(prompt: str) -> str:
    """A prompt as it is indexed; always the same for a prompt, or removing a row would not find its words."""
    return prompt if prompt.isascii() else _SIGNS.sub(r" \1 ", prompt)


def owner_word(user: str) -> str:
    """One word for a user, whatever signs the name has."""
    return f"u{user.encode().hex()}"


def _prepare(db: sqlite3.Connection) -> None:
    db.execute(_SCHEMA)
    db.create_function("owner_word", 1, owner_word, deterministic=True)
    db.create_function("prompt_words", 1, prompt_words, deterministic=True)
    for trigger in _TRIGGERS:
        db.execute(trigger)


def _missing(below: int, db: sqlite3.Connection) -> list[int]:
    return [row[0] for row in db.execute(_MISSING, (below, _LOOKED_AT))]


def _add(rows: list[int], db: sqlite3.Connection) -> int:
    return db.executemany(_CATCH_UP, [(row,) for row in rows]).rowcount
