"""Log lines as they are written anywhere."""

import logging

from hub.logs.scrub import scrub


class Scrubbed(logging.Formatter):
    """A formatter whose lines hold no secrets, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        return scrub(super().format(record))
