"""Writing a backup: one zip file, begun under a temporary name, readable by its owner only.

The database is copied by `VACUUM INTO`, which sees one moment of it and makes nobody wait; the pictures are
looked at afterwards, so that every row of the copy finds its picture in the list, unless that was deleted
meanwhile.
"""

import json
import os
import sqlite3
import tempfile
import time
import tomllib
import zipfile
from contextlib import closing
from pathlib import Path
from typing import IO

import msgspec
import tomlkit
from msgspec import Struct

from hub import __version__
from hub.backups.manifest import (
    DATA,
    DATABASE,
    FOLDERS,
    FORMAT,
    KEYS,
    LIST,
    MANIFEST,
    OUTPUTS,
    SETTINGS,
    BadBackup,
    Entry,
    Manifest,
    copied,
    files_below,
)
from hub.backups.swap import is_pending
from hub.server_settings import holds_secret
from hub.settings import Settings

NAME = "hub-%Y%m%d-%H%M%S.zip"
TRANSIENT = frozenset({"shell.json", "shell.new"})
"""In the folder of keys, of the running hub alone."""


class Made(Struct, frozen=True):
    """The finished file, and what to know of it."""

    file: Path
    remarks: tuple[str, ...]


def make_backup(settings: Settings, target: Path | None, *, outputs: bool, keys: bool) -> Made:
    """Write a backup to a file, into a folder, or (None) into `backups` of the data folder. With `outputs`
    the pictures go in, with `keys` what is secret. Raises BadBackup, OSError; then nothing is left behind.
    """
    data = settings.folders.data
    if not settings.folders.database.is_file():
        raise BadBackup(f"There is no hub in {data}: it has no {DATABASE}. Name its folder with --data-dir.")
    if is_pending(data):
        raise BadBackup("A restore was cut short. Start the hub once, which completes it, then back it up.")
    file = _place(target, data)
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f"{file.name}.part")
    handle = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "w+b") as stream:
            manifest = _write(stream, file.parent, settings, outputs=outputs, keys=keys)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(file)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    return Made(file, tuple(_remarks(manifest)))


def _place(target: Path | None, data: Path) -> Path:
    folder = data / "backups" if target is None else target.expanduser().absolute()
    if target is not None and not folder.is_dir() and folder.suffix:
        if folder.exists():
            raise BadBackup(f"{folder} is there already. Name another file.")
        return folder
    return folder / time.strftime(NAME)


def _write(stream: IO[bytes], beside: Path, settings: Settings, *, outputs: bool, keys: bool) -> Manifest:
    folders = settings.folders
    entries: list[Entry] = []
    with (
        tempfile.TemporaryDirectory(dir=beside) as scratch,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive,
    ):
        database = Path(scratch) / DATABASE
        migrations = _copy_database(folders.database, database)
        entries.append(_add(archive, database, DATA + DATABASE))
        blanked = _add_settings(archive, folders.data / SETTINGS, entries, keys=keys)
        for name in FOLDERS:
            entries += _add_folder(archive, folders.data / name, DATA + name)
        if keys:
            entries += _add_folder(archive, folders.keys, DATA + KEYS, without=TRANSIENT)
        with tempfile.TemporaryFile(dir=scratch) as listed:
            for file in files_below(folders.outputs):
                path = file.relative_to(folders.outputs).as_posix()
                entry = _picture(archive, file, path, inside=outputs)
                if entry is not None:
                    listed.write(msgspec.json.encode(entry) + b"\n")
            listed.seek(0)
            entries.append(_put(archive, listed, LIST))
        manifest = Manifest(
            FORMAT, int(time.time()), __version__, migrations, outputs, keys, blanked, tuple(entries)
        )
        archive.writestr(MANIFEST, msgspec.json.encode(manifest))
    return manifest


def _copy_database(source: Path, target: Path) -> tuple[str, ...]:
    with closing(sqlite3.connect(source, timeout=60)) as db:
        db.execute("VACUUM INTO ?", (str(target),))
    target.chmod(0o600)
    with closing(sqlite3.connect(target)) as copy:
        rows = copy.execute(
            "SELECT name FROM tortoise_migrations WHERE app = 'store' ORDER BY name"
        ).fetchall()
    return tuple(name for (name,) in rows)


def _add_settings(
    archive: zipfile.ZipFile, file: Path, entries: list[Entry], *, keys: bool
) -> tuple[str, ...]:
    """The settings file; secret values are left out unless `keys`. Gives their dotted names."""
    if not file.is_file():
        return ()
    text = file.read_text("utf-8")
    blanked: list[str] = []
    if not keys:
        tree = tomlkit.parse(text)
        for section, part in tomllib.loads(text).items():
            for name in part if isinstance(part, dict) else ():
                if part[name] and _may_be_secret(f"{section}.{name}", part[name]):
                    blanked.append(f"{section}.{name}")
                    tree[section].remove(name)
        text = tomlkit.dumps(tree) if blanked else text
    with tempfile.TemporaryFile() as stream:
        stream.write(text.encode())
        stream.seek(0)
        entries.append(_put(archive, stream, DATA + SETTINGS))
    return tuple(blanked)


def _may_be_secret(key: str, value: object) -> bool:
    """What this version does not know may be one."""
    try:
        return holds_secret(key, value)
    except KeyError:
        return True


def _add_folder(
    archive: zipfile.ZipFile, folder: Path, name: str, without: frozenset[str] = frozenset()
) -> list[Entry]:
    return [
        _add(archive, file, f"{name}/{file.relative_to(folder).as_posix()}")
        for file in files_below(folder)
        if file.name not in without
    ]


def _picture(archive: zipfile.ZipFile, file: Path, path: str, *, inside: bool) -> Entry | None:
    """A picture's line in the list; None when it has just been deleted."""
    try:
        with file.open("rb") as stream:
            if not inside:
                return Entry(path, *copied(stream, None))
            entry = _put(archive, stream, OUTPUTS + path, packed=False)
            return Entry(path, entry.size, entry.sha256)
    except FileNotFoundError:
        return None


def _add(archive: zipfile.ZipFile, file: Path, name: str) -> Entry:
    with file.open("rb") as stream:
        return _put(archive, stream, name)


def _put(archive: zipfile.ZipFile, stream: IO[bytes], name: str, *, packed: bool = True) -> Entry:
    info = zipfile.ZipInfo(name, time.gmtime()[:6])
    info.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    info.external_attr = 0o600 << 16
    with archive.open(info, "w", force_zip64=True) as target:
        size, digest = copied(stream, target)
    return Entry(name, size, digest)


def _remarks(manifest: Manifest) -> list[str]:
    remarks = [
        "It holds prompts, names and the hashes of passwords and tokens: keep it where only you can read."
    ]
    if manifest.keys:
        remarks.append(
            "KEYS ARE IN IT IN PLAIN TEXT: whoever has the file can read the secrets of all users."
        )
    else:
        remarks.append(
            "The key files are not in it: without them the stored keys for other services cannot be read. "
            "Keep a copy of the folder `keys` apart, or use --with-keys."
        )
    if manifest.blanked:
        remarks.append(f"Left out of the settings, as they are secret: {', '.join(manifest.blanked)}.")
    if not manifest.outputs:
        remarks.append("Of the pictures only the list is in it, not the files (--outputs).")
    return remarks


def read_manifest(archive: zipfile.ZipFile) -> Manifest:
    """The manifest of a backup. Raises BadBackup."""
    try:
        manifest = msgspec.json.decode(archive.read(MANIFEST), type=Manifest)
    except (KeyError, msgspec.MsgspecError, json.JSONDecodeError, zipfile.BadZipFile) as wrong:
        raise BadBackup(f"This is no backup of a hub, or a broken one: {wrong}") from wrong
    if manifest.format != FORMAT:
        raise BadBackup(
            f"The backup has format {manifest.format}, this version reads {FORMAT}. "
            f"Use version {manifest.version}."
        )
    return manifest
