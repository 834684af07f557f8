"""The hub's accounts and backups from a shell on its own machine, whether it runs or not."""

from hub.shell.commands import Told, carry_out
from hub.shell.line import open_line
from hub.shell.words import add_words

__all__ = ["Told", "add_words", "carry_out", "open_line"]
