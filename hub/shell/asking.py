"""Passwords, asked for where nobody else can read them."""

import getpass
import sys

TRIES = 3


class NotGiven(Exception):
    """There is no password to go on with; the text says why."""


def ask_password() -> str:
    """A new password: asked for twice on a terminal, else the first line of what is piped in. Raises
    NotGiven."""
    if not sys.stdin.isatty():
        line = sys.stdin.readline().rstrip("\r\n")
        if not line:
            raise NotGiven("No password came: pipe it in as one line, or run this on a terminal.")
        return line
    for _ in range(TRIES):
        first = getpass.getpass("Password: ")
        if first and first == getpass.getpass("Once more: "):
            return first
        sys.stderr.write("Those two are not the same, or empty. Try again.\n")
    raise NotGiven("No password was set.")
