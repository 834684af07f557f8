"""A refusal in words, and what keeps a provider's own words fit to be shown."""

import re

_KEYS = re.compile(r"\b(?:[sp]k[-_]|bearer )[\w*.…-]{4,}", re.IGNORECASE)
_LONGEST = 300


class Refused(Exception):
    """A picture that will not come; the text is a sentence for the user. `field` is the id of the parameter
    that it is about, `retry` says whether another try may help.
    """

    def __init__(self, reason: str, *, field: str = "", retry: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field
        self.retry = retry


def about(parameter: str, text: str, field: str = "") -> Refused:
    """A refusal that begins with a parameter's name; its id is the letters of that unless `field` says it."""
    letters = "".join(filter(str.isalnum, parameter)).lower()
    return Refused(f"{parameter}: {text}", field=field or letters)


class Away(Refused):
    """Nobody took the call: nothing was sent, so nothing was drawn or paid for."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, retry=True)


def quoted(words: str, key: str) -> str:
    """A provider's own words on one line, cut, without the key or anything that looks like one.

    OpenAI repeats parts of a wrong key in its message.
    """
    plain = " ".join(words.split())
    if key:
        plain = plain.replace(key, "…")
    plain = _KEYS.sub("…", "".join(letter for letter in plain if letter.isprintable()))
    return plain if len(plain) <= _LONGEST else plain[: _LONGEST - 1] + "…"
