"""The words on the command line."""

import argparse
from pathlib import Path
from typing import Any


def add_words(commands: Any) -> None:
    """Add `user`, `token`, `backup` and `restore` to the commands of `python -m hub`."""
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument(
        "--data-dir", type=Path, default=Path("data"), metavar="DIR", help="folder of all state"
    )
    _add_user(commands.add_parser("user", help="accounts: add, password, role, list"), where)
    _add_token(commands.add_parser("token", help="tokens: create, revoke, list"), where)
    backup = commands.add_parser("backup", parents=[where], help="write a backup, while the hub runs or not")
    backup.add_argument(
        "target", nargs="?", type=Path, metavar="FILE|DIR", help="where to (default: backups)"
    )
    backup.add_argument(
        "--outputs", action="store_true", help="the finished pictures too, not only their list"
    )
    backup.add_argument(
        "--with-keys", action="store_true", help="secrets in plain text too: the key files, secret settings"
    )
    backup.set_defaults(run=lambda given: _late().backup(given))
    restore = commands.add_parser(
        "restore", parents=[where], help="go back to a backup; the hub must not run"
    )
    restore.add_argument("file", type=Path, metavar="FILE", help="a backup")
    restore.set_defaults(run=lambda given: _late().restore(given))


def _add_user(parser: argparse.ArgumentParser, where: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="add|password|role|list", dest="action")
    add = actions.add_parser("add", parents=[where], help="add an account; its password is asked for")
    add.add_argument("name")
    add.add_argument("--role", default="", help="its role (default: accounts.new_user_role)")
    password = actions.add_parser("password", parents=[where], help="set a user's password; it is asked for")
    password.add_argument("name")
    role = actions.add_parser("role", parents=[where], help="set a user's roles")
    role.add_argument("name")
    role.add_argument("roles", nargs="+", metavar="role", help="all roles the user shall have")
    actions.add_parser("list", parents=[where], help="list accounts")
    parser.set_defaults(run=lambda given: _late().user(given))


def _add_token(parser: argparse.ArgumentParser, where: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="create|revoke|list", dest="action")
    create = actions.add_parser("create", parents=[where], help="make a token and print it")
    create.add_argument("name", help="whose")
    create.add_argument("--reason", default="made in the shell", help="what it is for")
    create.add_argument("--flags", default=None, help="its only permissions, with commas (default: all)")
    create.add_argument("--days", type=float, default=0, help="days until it expires (default: never)")
    revoke = actions.add_parser("revoke", parents=[where], help="end a token by its id")
    revoke.add_argument("id")
    listing = actions.add_parser("list", parents=[where], help="list tokens, never their secrets")
    listing.add_argument("name", nargs="?", default="", help="only this user's")
    parser.set_defaults(run=lambda given: _late().token(given))


def _late() -> Any:
    """What does it, with all that it reads: a wrong word is told without."""
    from hub.shell import acts

    return acts
