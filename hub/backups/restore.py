"""Going back to a backup: everything in it is checked and staged before anything that is there is touched."""

import os
import shutil
import sqlite3
import time
import tomllib
import zipfile
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import msgspec

from hub.backups.make import read_manifest
from hub.backups.manifest import (
    DATA,
    DATABASE,
    FOLDERS,
    KEYS,
    LIST,
    OUTPUTS,
    SETTINGS,
    BadBackup,
    Entry,
    Manifest,
    copied,
    safe_path,
)
from hub.backups.swap import STAGED, Journal, Move, begin, settle
from hub.store import known_migrations

ASIDE = "before-restore-%Y%m%d-%H%M%S"
SPARE = 64 << 20
"""Bytes that stay free beside what is unpacked."""


def _demand_readable(file: Path) -> None:
    try:
        with file.open("rb"):
            pass
    except OSError as trouble:
        why = trouble.strerror or trouble
        raise BadBackup(f"The backup {file} cannot be read: {why}. Nothing was changed.") from trouble


def restore_backup(file: Path, data: Path) -> list[str]:
    """Put a backup in place of what is in a data folder that the caller owns; what to know of it then. The
    old state is kept aside. Raises BadBackup, OSError; then nothing has changed.
    """
    stage_data = data / STAGED
    outputs = data / "outputs"
    _demand_readable(file)
    try:
        with zipfile.ZipFile(file) as archive:
            manifest = read_manifest(archive)
            _check(archive, manifest, data)
            shutil.rmtree(stage_data, ignore_errors=True)
            stage_data.mkdir(mode=0o700)
            names = _stage(
                archive, [entry for entry in manifest.files if entry.path.startswith(DATA)], stage_data
            )
            _check_database(stage_data / DATABASE)
            outputs = _outputs_folder(stage_data / SETTINGS, data)
            listed = [msgspec.json.decode(line, type=Entry) for line in archive.read(LIST).splitlines()]
            stage_outputs = outputs / STAGED
            if manifest.outputs:
                shutil.rmtree(stage_outputs, ignore_errors=True)
                stage_outputs.mkdir(parents=True, mode=0o700)
                _stage(archive, [_inside(entry) for entry in listed], stage_outputs, OUTPUTS)
    except (zipfile.BadZipFile, msgspec.MsgspecError, sqlite3.Error) as broken:
        _drop(stage_data, outputs / STAGED)
        raise BadBackup(f"{file} cannot be used: {broken}. Nothing was changed.") from broken
    except BaseException:
        _drop(stage_data, outputs / STAGED)
        raise
    aside = _new_name(data, outputs)
    moves = [*_data_moves(data, stage_data, aside, names, keys=manifest.keys)]
    if manifest.outputs:
        moves += _output_moves(outputs, stage_outputs, f".{aside.name}")
    begin(data, Journal(tuple(moves), (str(stage_data), str(outputs / STAGED))))
    settle(data)
    return _remarks(manifest, aside, outputs, listed)


def _new_name(data: Path, outputs: Path) -> Path:
    name, number = time.strftime(ASIDE), 1
    whole = name
    while (data / whole).exists() or (outputs / f".{whole}").exists():
        number += 1
        whole = f"{name}-{number}"
    return data / whole


def _check(archive: zipfile.ZipFile, manifest: Manifest, data: Path) -> None:
    unknown = sorted(set(manifest.migrations) - known_migrations())
    if unknown:
        raise BadBackup(
            f"The backup comes from a newer version ({manifest.version}; {', '.join(unknown)}). "
            "Restore it with that one."
        )
    needed = sum(info.file_size for info in archive.infolist()) + SPARE
    free = shutil.disk_usage(data).free
    if free < needed:
        raise BadBackup(f"The backup needs {needed >> 20} MiB of disk, and {free >> 20} MiB are free.")


def _stage(archive: zipfile.ZipFile, entries: Iterable[Entry], folder: Path, prefix: str = DATA) -> set[str]:
    """Unpack files whose sums are right; the first parts of their paths."""
    names = set()
    for entry in entries:
        path = safe_path(entry.path.removeprefix(prefix))
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            info = archive.getinfo(entry.path)
        except KeyError:
            raise BadBackup(f"The backup lacks the file {entry.path}. Nothing was changed.") from None
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with archive.open(info) as source, os.fdopen(handle, "wb") as stream:
            found = copied(source, stream)
        if found != (entry.size, entry.sha256):
            raise BadBackup(f"The file {entry.path} in the backup is not as it was. Nothing was changed.")
        names.add(path.parts[0])
    return names


def _check_database(file: Path) -> None:
    """Look whether it is whole, and end what was signed in: what was revoked since must not come back."""
    if not file.is_file():
        raise BadBackup("The backup has no database. Nothing was changed.")
    with closing(sqlite3.connect(file)) as db:
        state = db.execute("PRAGMA quick_check").fetchone()[0]
        if state != "ok":
            raise BadBackup(f"The database in the backup is broken ({state}). Nothing was changed.")
        db.execute("DELETE FROM sessions")
        db.execute("DELETE FROM tokens WHERE reason = 'sign-in'")
        db.commit()


def _outputs_folder(settings: Path, data: Path) -> Path:
    """Where pictures lie by the restored settings."""
    chosen = os.environ.get("HUB_FOLDERS_OUTPUTS", "")
    if not chosen and settings.is_file():
        try:
            section = tomllib.loads(settings.read_text("utf-8")).get("folders", {})
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
            raise BadBackup(
                f"The settings in the backup cannot be read: {wrong}. Nothing was changed."
            ) from wrong
        chosen = str(section.get("outputs", ""))
    return data / Path(chosen or "outputs").expanduser()


def _data_moves(data: Path, staged: Path, aside: Path, names: set[str], *, keys: bool) -> Iterable[Move]:
    """Database first, with its log: that of another database would be taken for its own."""
    for ending in ("-wal", "-shm"):
        yield Move(str(data / f"{DATABASE}{ending}"), str(aside / f"{DATABASE}{ending}"))
    whole = (DATABASE, SETTINGS, *FOLDERS, *((KEYS,) if keys else ()))
    for name in whole:
        new = str(staged / name) if name in names else ""
        yield Move(str(data / name), str(aside / name), new)


def _output_moves(outputs: Path, staged: Path, aside: str) -> Iterable[Move]:
    for path in sorted(staged.iterdir()):
        yield Move(str(outputs / path.name), str(outputs / aside / path.name), str(path))


def _inside(entry: Entry) -> Entry:
    return Entry(OUTPUTS + entry.path, entry.size, entry.sha256)


def _drop(*folders: Path) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _remarks(manifest: Manifest, aside: Path, outputs: Path, listed: list[Entry]) -> list[str]:
    when = time.strftime("%Y-%m-%d %H:%M", time.gmtime(manifest.made))
    remarks = [f"Restored the state of {when} UTC."]
    if aside.exists():
        remarks.append(f"What was there before is in {aside}.")
    remarks.append("Everybody has to sign in again; personal tokens are as they were then.")
    missing = sum(not (outputs / safe_path(entry.path)).is_file() for entry in listed)
    changed = sum(
        (outputs / entry.path).is_file() and (outputs / entry.path).stat().st_size != entry.size
        for entry in listed
    )
    if missing or changed:
        remarks.append(f"Of {len(listed)} listed pictures {missing} are missing and {changed} differ.")
    if not manifest.keys:
        remarks.append("The key files were left as they are; keys closed with others have to be set again.")
    if manifest.blanked:
        remarks.append(f"Secret settings that the backup does not have: {', '.join(manifest.blanked)}.")
    return remarks
