"""What is left in the database of somebody who leaves: nothing, however much there was."""

import sqlite3
from pathlib import Path

import pytest

from hub.store import (
    DepartureRow,
    ImageRow,
    JobRow,
    PresetRow,
    SessionRow,
    Store,
    TokenRow,
    UserRow,
    WebhookRow,
    departures,
)
from hub.store.departures import OWNED

LEAVING = DepartureRow("quimby", "ab" * 16, aside=False, begun=1)
SECRETS = (b"quimby", b"zebrafinch", b"zebrafin", b"zeppelin", b"quimbysecret")
PICTURES = 250
FOLLOWING = {"image_words", "image_totals"}
"""What triggers keep beside the images, and empty with them."""
CRAFT = {"quimby": "a zeppelin", "other": "an airship"}


async def fill(store: Store, name: str, word: str) -> None:
    """A user with everything one can have, more than one portion of it."""
    await store.users.add(UserRow(name, "hash", roles=("user",), settings={"theme": f"{name}secret"}))
    await store.users.set_oauth_email(name, f"{name}@example.com")
    await store.identities.add("https://issuer", f"sub {name}", name, 1)
    await store.sessions.add(SessionRow(f"{name:0>64}", name, address=name))
    await store.tokens.add(TokenRow(f"{name:0>32}", name, "d" * 64, f"for {name}"))
    await store.webhooks.add(WebhookRow(f"{name:1>32}", name, f"https://{name}.example", ("ended",), 1))
    for number in range(30):
        title = f"{name} {number}"
        await store.presets.put(
            name, PresetRow(title, param_map={"prompt": f"{word} preset {number}"}), preview=b"\xff\xd8"
        )
        await store.user_data.put(name, "stars", f'{{"{word}": "{"x" * number * 40}"}}', str(number))
    for number in range(PICTURES):
        job = f"{name}{number}".rjust(32, "0")
        request = f"{name} {word}".encode() * (1 + number % 400)
        state = "waiting" if number > PICTURES - 5 else "failed"
        await store.jobs.accept(JobRow(job, name, "s", 1001 + number, state, 1, number, request=request))
        await store.images.add(
            ImageRow(
                job,
                0,
                name,
                f"raw/{word}-{number}.png",
                number,
                prompt=f"a {word} on {CRAFT[name]}{number % 50}",
            )
        )


async def leave(store: Store) -> None:
    while rows := store.departures.pictures(LEAVING.name):
        await store.departures.forget_pictures(rows)
    await store.departures.forget_jobs(LEAVING.name)
    await store.departures.forget_words()
    await store.departures.end(LEAVING.name)


def left(folder: Path) -> list[tuple[str, bytes]]:
    """Which secrets lie in which of the files, in whatever letter case."""
    return [
        (file.name, secret)
        for file in sorted(folder.iterdir())
        for secret in SECRETS
        if file.is_file() and secret in file.read_bytes().lower()
    ]


def test_every_table_with_a_user_is_emptied(tmp_path: Path, store: Store) -> None:
    with sqlite3.connect(tmp_path / "hub.sqlite3") as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        owned = {
            table
            for table in tables
            for column in db.execute("SELECT name FROM pragma_table_info(?)", (table,))
            if column[0] in ("user", "owner") and table not in FOLLOWING
        }
    assert owned == OWNED, "add the new table to OWNED in hub/store/departures.py"


async def test_nothing_is_left_in_the_file_and_others_keep_everything(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "hub.sqlite3")
    await fill(store, "quimby", "zebrafinch")
    await fill(store, "other", "sparrow")
    await store.images.words.caught_up()
    for number in range(0, PICTURES, 7):  # holes, and rows that grew out of their pages, from before
        await store.images.delete("quimby", f"raw/zebrafinch-{number}.png")
        await store.presets.put(
            "quimby", PresetRow(f"quimby {number % 30}", param_map={"p": "zebrafinch" * number}), preview=b""
        )
    assert left(tmp_path)
    await store.departures.begin(LEAVING)
    assert store.users.by_name("quimby") is None and not store.tokens.all()[1:]
    assert [row.user for row in store.jobs.unfinished()] == ["other"] * 4
    await leave(store)
    assert left(tmp_path) == [], "while the hub runs"
    assert await store.images.count("other") == PICTURES
    assert len(store.presets.all("other")) == 30
    await store.close()
    assert left(tmp_path) == []
    with sqlite3.connect(tmp_path / "hub.sqlite3") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        db.execute("INSERT INTO image_words(image_words) VALUES ('integrity-check')")


async def test_what_is_still_being_written_does_not_come_behind_it(store: Store) -> None:
    await fill(store, "quimby", "zebrafinch")
    late = store.user_data.put("quimby", "stars", "early enough")
    begun = store.departures.begin(LEAVING)
    tries = [
        store.user_data.put("quimby", "stars", "too late"),
        store.tokens.add(TokenRow("late", "quimby", "digest")),
        store.jobs.accept(JobRow("late", "quimby", "s", 1, "waiting", 1, 1)),
        store.images.add(ImageRow("late", 0, "quimby", "raw/late.png", 1)),
        store.users.add(UserRow("quimby")),
    ]
    await late
    assert await begun == 1
    for each in tries:
        with pytest.raises(sqlite3.IntegrityError, match="being deleted"):
            await each
    await leave(store)
    assert await store.users.add(UserRow("quimby")) == 1, "the name is free again"
    assert store.user_data.all("quimby", "stars") == {}


async def test_it_begins_once(store: Store) -> None:
    await store.users.add(UserRow("quimby"))
    await store.departures.begin(LEAVING)
    with pytest.raises(sqlite3.IntegrityError):
        await store.departures.begin(LEAVING)


async def test_a_new_start_goes_on_with_it_and_keeps_the_name_closed(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "hub.sqlite3")
    await fill(store, "quimby", "zebrafinch")
    await store.departures.begin(LEAVING)
    await store.close()
    again = await Store.open(tmp_path / "hub.sqlite3")
    try:
        assert again.departures.resume() == [LEAVING]
        with pytest.raises(sqlite3.IntegrityError):
            await again.users.add(UserRow("quimby"))
        await leave(again)
        assert again.departures.resume() == [] and left(tmp_path) == []
    finally:
        await again.close()


async def test_a_large_file_is_written_anew_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(departures, "COMPACTED_AT_ONCE", 0)
    store = await Store.open(tmp_path / "hub.sqlite3")
    await fill(store, "quimby", "zebrafinch")
    await store.departures.begin(LEAVING)
    await leave(store)
    await store.close()
    before = (tmp_path / "hub.sqlite3").stat().st_size
    await (await Store.open(tmp_path / "hub.sqlite3")).close()
    assert left(tmp_path) == [] and (tmp_path / "hub.sqlite3").stat().st_size < before / 2
