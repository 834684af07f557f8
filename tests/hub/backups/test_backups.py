"""Backups there and back: what is in them, what is refused, and a kill at every step of a restore."""

import asyncio
import json
import sqlite3
import sys
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from hub.accounts import Accounts
from hub.backups import BadBackup, is_pending, make_backup, restore_backup, settle, swap
from hub.backups.manifest import safe_path
from hub.ownership import own_folder
from hub.settings import load
from hub.store import Store
from tests.hub.running import running

ROOT = Path(__file__).parents[3]
SECRET = "a very secret key for Hugging Face"


async def lived_in(data: Path) -> str:
    """A data folder with a user, keys, settings, wildcards and pictures; the text of a token."""
    data.mkdir(parents=True)
    (data / "settings.toml").write_text('# mine\n[log]\nlevel = "info"\n')
    (data / "wildcards" / "deep").mkdir(parents=True)
    (data / "wildcards" / "deep" / "colours.txt").write_text("red\nblue\n")
    for name in ("ann/raw/one.png", "ann/two.png", "bob/three.png"):
        (data / "outputs" / name).parent.mkdir(parents=True, exist_ok=True)
        (data / "outputs" / name).write_bytes(name.encode() * 1000)
    (data / "outputs" / "ann" / ".pending").mkdir()
    (data / "outputs" / "ann" / ".pending" / "half").write_bytes(b"x")
    settings = load(data)
    store = await Store.open(settings.folders.database)
    accounts = await Accounts.open(settings, store, password_rounds=4)
    await accounts.users.add("ann", password="hashed", roles=("owner",))
    await accounts.upstream_keys.put("ann", "huggingface_api", SECRET)
    await accounts.sessions.issue("ann", token="")
    await accounts.tokens.sign_in("ann")
    token = await accounts.tokens.create("ann", "bot")
    await accounts.close()
    await store.close()
    return token


def state_of(data: Path) -> dict[str, bytes]:
    """Every file that a restore is about, by its path; of the database the users."""
    found = {
        path.relative_to(data).as_posix(): path.read_bytes()
        for top in ("settings.toml", "wildcards", "outputs", "keys")
        for path in sorted([data / top] if (data / top).is_file() else (data / top).rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(data).parts)
    }
    with closing(sqlite3.connect(data / "hub.sqlite3")) as db:
        found["users"] = repr(db.execute("SELECT name, roles FROM users ORDER BY name").fetchall()).encode()
    return found


async def change(data: Path) -> None:
    """Make the folder another one than it was."""
    store = await Store.open(data / "hub.sqlite3")
    accounts = await Accounts.open(load(data), store, password_rounds=4)
    await accounts.users.add("intruder", roles=("owner",))
    await accounts.close()
    await store.close()
    (data / "wildcards" / "deep" / "colours.txt").write_text("black\n")
    (data / "settings.toml").write_text('[log]\nlevel = "debug"\n')
    (data / "outputs" / "ann" / "two.png").write_bytes(b"painted over")


async def restoring(file: Path, data: Path) -> asyncio.subprocess.Process:
    """`restore` as a process of its own."""
    words = ("-m", "hub", "restore", str(file), "--data-dir", str(data))
    return await asyncio.create_subprocess_exec(
        sys.executable, *words, cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )


async def test_there_and_back(tmp_path: Path) -> None:
    data = tmp_path / "data"
    token = await lived_in(data)
    before = state_of(data)
    made = make_backup(load(data), tmp_path / "b.zip", outputs=True, keys=True)
    assert (made.file.stat().st_mode & 0o777) == 0o600
    await change(data)
    changed = state_of(data)
    with own_folder(data):
        remarks = restore_backup(made.file, data)
    assert state_of(data) == before
    assert "sign in again" in " ".join(remarks)
    (aside,) = data.glob("before-restore-*")
    assert (aside / "wildcards/deep/colours.txt").read_bytes() == changed["wildcards/deep/colours.txt"]
    (pictures,) = (data / "outputs").glob(".before-restore-*")
    assert (pictures / "ann/two.png").read_bytes() == b"painted over"
    with closing(sqlite3.connect(aside / "hub.sqlite3")) as db:
        assert ("intruder",) in db.execute("SELECT name FROM users").fetchall()
    assert not is_pending(data) and not (data / ".restoring").exists()
    async with running(data, {}) as hub:
        assert hub.room(Accounts).tokens.check(token) is not None
        assert [row.reason for row in hub.room(Accounts).tokens.of_user("ann")] == ["bot"]
        assert hub.room(Accounts).upstream_keys.use("ann", "huggingface_api") == SECRET


async def test_of_a_running_hub_and_refused_to_it(tmp_path: Path) -> None:
    data = tmp_path / "data"
    await lived_in(data)
    async with running(data, {}) as hub:
        await hub.room(Accounts).users.add("late", roles=("user",))
        made = make_backup(load(data), None, outputs=False, keys=False)
        assert made.file.parent == data / "backups"
        process = await restoring(made.file, data)
        _, told = await process.communicate()
        assert process.returncode == 1
        assert b"Another hub is running" in told
    with own_folder(data):
        remarks = restore_backup(made.file, data)
    assert b"'late'" in state_of(data)["users"]
    assert not any("missing" in remark for remark in remarks)


async def test_no_secret_is_in_it_in_plain_text(tmp_path: Path) -> None:
    data = tmp_path / "data"
    token = await lived_in(data)
    make_backup(load(data), tmp_path / "b.zip", outputs=True, keys=False)
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        names = archive.namelist()
        whole = b"".join(archive.read(name) for name in names)
    assert not any("keys" in name or ".pending" in name for name in names)
    assert SECRET.encode() not in whole
    assert token.split(".")[2].encode() not in whole
    for line in (data / "keys" / "upstream.key").read_bytes().split():
        assert line not in whole


async def test_the_list_names_every_picture(tmp_path: Path) -> None:
    data = tmp_path / "data"
    await lived_in(data)
    make_backup(load(data), tmp_path / "b.zip", outputs=False, keys=False)
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        listed = [json.loads(line) for line in archive.read("outputs.jsonl").splitlines()]
        assert not any(name.startswith("outputs/") for name in archive.namelist())
    assert [(entry["path"], entry["size"]) for entry in listed] == [
        ("ann/raw/one.png", 15000),
        ("ann/two.png", 11000),
        ("bob/three.png", 13000),
    ]
    (data / "outputs/ann/two.png").unlink()
    with own_folder(data):
        remarks = restore_backup(tmp_path / "b.zip", data)
    assert "Of 3 listed pictures 1 are missing and 0 differ." in remarks


class TestRefusals:
    def test_a_folder_without_a_hub(self, tmp_path: Path) -> None:
        with pytest.raises(BadBackup, match="There is no hub"):
            make_backup(load(tmp_path), tmp_path / "b.zip", outputs=False, keys=False)
        assert list(tmp_path.iterdir()) == []

    async def test_a_file_that_is_there(self, tmp_path: Path) -> None:
        await lived_in(tmp_path / "data")
        (tmp_path / "b.zip").write_bytes(b"dear")
        with pytest.raises(BadBackup, match="there already"):
            make_backup(load(tmp_path / "data"), tmp_path / "b.zip", outputs=False, keys=False)
        assert (tmp_path / "b.zip").read_bytes() == b"dear"

    @pytest.mark.parametrize(
        ("name", "wrong", "told"),
        [
            ("data/hub.sqlite3", b"no database", "not as it was"),
            ("outputs.jsonl", b"{", "cannot be used"),
            ("backup.json", b"{}", "no backup of a hub"),
            ("outputs/ann/two.png", b"other", "not as it was"),
        ],
    )
    async def test_a_changed_file_changes_nothing(
        self, tmp_path: Path, name: str, wrong: bytes, told: str
    ) -> None:
        data = tmp_path / "data"
        await lived_in(data)
        make_backup(load(data), tmp_path / "b.zip", outputs=True, keys=False)
        before = state_of(data)
        with zipfile.ZipFile(tmp_path / "b.zip") as old, zipfile.ZipFile(tmp_path / "c.zip", "w") as new:
            for each in old.namelist():
                new.writestr(each, wrong if each == name else old.read(each))
        with own_folder(data), pytest.raises(BadBackup, match=told):
            restore_backup(tmp_path / "c.zip", data)
        assert state_of(data) == before
        assert not (data / ".restoring").exists() and not (data / "outputs" / ".restoring").exists()

    async def test_a_file_that_is_not_there_is_told_in_a_sentence(self, tmp_path: Path) -> None:
        with own_folder(tmp_path), pytest.raises(BadBackup, match=r"none\.zip cannot be read: No such file"):
            restore_backup(tmp_path / "none.zip", tmp_path)

    @pytest.mark.parametrize(
        "name", ["../evil", "/etc/evil", "a/../../evil", "c:evil", "a\\evil", "a//b", ""]
    )
    def test_a_path_that_leads_out(self, name: str) -> None:
        with pytest.raises(BadBackup, match="none of ours"):
            safe_path(name)

    async def test_a_path_that_leads_out_in_a_list(self, tmp_path: Path) -> None:
        data = tmp_path / "data"
        await lived_in(data)
        make_backup(load(data), tmp_path / "b.zip", outputs=True, keys=False)
        line = json.dumps({"path": "../../../evil", "size": 1, "sha256": "0" * 64}).encode()
        with zipfile.ZipFile(tmp_path / "b.zip") as old, zipfile.ZipFile(tmp_path / "c.zip", "w") as new:
            for each in old.namelist():
                new.writestr(each, line if each == "outputs.jsonl" else old.read(each))
            new.writestr("outputs/../../../evil", b"x")
        with own_folder(data), pytest.raises(BadBackup, match="none of ours"):
            restore_backup(tmp_path / "c.zip", data)
        assert not (tmp_path / "evil").exists()

    async def test_one_of_a_newer_version(self, tmp_path: Path) -> None:
        data = tmp_path / "data"
        await lived_in(data)
        make_backup(load(data), tmp_path / "b.zip", outputs=False, keys=False)
        with zipfile.ZipFile(tmp_path / "b.zip") as old, zipfile.ZipFile(tmp_path / "c.zip", "w") as new:
            for each in old.namelist():
                text = old.read(each)
                if each == "backup.json":
                    manifest = json.loads(text)
                    manifest["migrations"].append("9999_tomorrow")
                    text = json.dumps(manifest).encode()
                new.writestr(each, text)
        with own_folder(data), pytest.raises(BadBackup, match="newer version"):
            restore_backup(tmp_path / "c.zip", data)


async def test_cut_short_after_any_step_it_is_carried_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill before the journal leaves the old state, one after it leads to the new."""
    data = tmp_path / "data"
    await lived_in(data)
    before = state_of(data)
    make_backup(load(data), tmp_path / "b.zip", outputs=True, keys=True)
    await change(data)
    rename = Path.rename
    for steps in range(30):
        left = steps

        def until_killed(path: Path, target: Path) -> Path:
            nonlocal left
            if left == 0:
                raise KeyboardInterrupt
            left -= 1
            return rename(path, target)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", until_killed)
            try:
                with own_folder(data):
                    restore_backup(tmp_path / "b.zip", data)
            except KeyboardInterrupt:
                assert is_pending(data)
            else:
                break
        with own_folder(data):
            assert settle(data)
        assert state_of(data) == before
        if steps % 5 == 0:
            await change(data)
    else:
        pytest.fail("the restore never came to its end")
    assert steps > 8


async def test_a_journal_that_was_not_written_whole_begins_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    await lived_in(data)
    (data / "restore.new").write_text('{"moves": [')
    (data / swap.STAGED).mkdir()
    with own_folder(data):
        assert not settle(data)
    assert not (data / swap.STAGED).exists()


@pytest.mark.long
async def test_killed_for_real_it_is_the_old_state_or_becomes_the_new(tmp_path: Path) -> None:
    data = tmp_path / "data"
    await lived_in(data)
    before = state_of(data)
    make_backup(load(data), tmp_path / "b.zip", outputs=True, keys=False)
    await change(data)
    changed = state_of(data)
    process = await restoring(tmp_path / "b.zip", data)
    over = asyncio.create_task(process.wait())
    while not over.done() and not (data / ".restoring").exists() and not is_pending(data):  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    if not over.done():
        process.kill()
    await over
    with own_folder(data):
        settle(data)
    assert state_of(data) in (before, changed)
