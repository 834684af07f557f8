"""From words to what is done: by the hub that runs, else here on the data folder it left."""

import argparse
import asyncio
import sys

from hub.accounts import Accounts
from hub.backups import BadBackup, make_backup, restore_backup, settle
from hub.errors import HubError
from hub.ownership import FolderTaken, own_folder
from hub.settings import BadSettings, Settings, load
from hub.shell.asking import NotGiven, ask_password
from hub.shell.commands import (
    AddUser,
    Command,
    CreateToken,
    ListTokens,
    ListUsers,
    RevokeToken,
    SetPassword,
    SetRoles,
    Told,
    carry_out,
)
from hub.shell.line import NoLine, ask
from hub.store import Store

CANNOT = 1


def user(given: argparse.Namespace) -> int:
    """`user …`."""
    try:
        match given.action:
            case "add":
                return _run(given, AddUser(given.name, ask_password(), given.role))
            case "password":
                return _run(given, SetPassword(given.name, ask_password()))
            case "role":
                return _run(given, SetRoles(given.name, tuple(given.roles)))
        return _run(given, ListUsers())
    except NotGiven as missing:
        return _fail(str(missing))


def token(given: argparse.Namespace) -> int:
    """`token …`."""
    match given.action:
        case "create":
            # None is "all": an empty text, as of a script's unset variable, must not come to mean that.
            flags = None if given.flags is None else _names(given.flags)
            return _run(given, CreateToken(given.name, given.reason, flags, given.days))
        case "revoke":
            return _run(given, RevokeToken(given.id))
    return _run(given, ListTokens(given.name))


def _names(text: str) -> tuple[str, ...]:
    return tuple(flag.strip() for flag in text.split(",") if flag.strip())


def backup(given: argparse.Namespace) -> int:
    """`backup …`."""
    try:
        settings = load(given.data_dir)
        made = make_backup(settings, given.target, outputs=given.outputs, keys=given.with_keys)
    except (BadBackup, BadSettings, OSError) as trouble:
        return _fail(str(trouble))
    sys.stdout.write(f"{made.file}\n")
    for remark in made.remarks:
        sys.stderr.write(f"{remark}\n")
    return 0


def restore(given: argparse.Namespace) -> int:
    """`restore …`."""
    data = given.data_dir.expanduser().absolute()
    try:
        with own_folder(data):
            settle(data)
            remarks = restore_backup(given.file, data)
    except (BadBackup, BadSettings, FolderTaken, OSError) as trouble:
        return _fail(str(trouble))
    for remark in remarks:
        sys.stderr.write(f"{remark}\n")
    return 0


def _run(given: argparse.Namespace, command: Command) -> int:
    try:
        told = asyncio.run(_here_or_there(given, command))
    except (NoLine, BadSettings, HubError, BadBackup, OSError) as trouble:
        return _fail(str(trouble))
    if told.refusal:
        return _fail(told.refusal)
    for line in told.lines:
        sys.stdout.write(f"{line}\n")
    for remark in told.remarks:
        sys.stderr.write(f"{remark}\n")
    return 0


async def _here_or_there(given: argparse.Namespace, command: Command) -> Told:
    """One hub to a data folder: whoever gets the folder's lock is it for the moment."""
    data = given.data_dir.expanduser().absolute()
    try:
        with own_folder(data):
            settle(data)
            return await _here(load(data), command)
    except FolderTaken:
        return await ask(load(data).folders.keys, command)


async def _here(settings: Settings, command: Command) -> Told:
    store = await Store.open(settings.folders.database)
    try:
        accounts = await Accounts.open(settings, store)
        try:
            return await carry_out(command, accounts)
        finally:
            await accounts.close()
    finally:
        await store.close()


def _fail(text: str) -> int:
    sys.stderr.write(f"{text}\n")
    return CANNOT
