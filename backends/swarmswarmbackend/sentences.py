"""What the other hub says went wrong, as it may be shown here: sentences pass, its insides do not. Pure."""

import re

LONGEST = 400
UNTOLD = "Something went wrong there; its own log tells more."

_INSIDES = re.compile(
    r"Traceback|^\s*at [\w.<>`]+\(|^\s*File \"|Exception:|[A-Za-z]:\\[\w ]+\\|"
    r"(?<![\w/:.])/(?:[\w.-]+/){2,}|"
    r"<html|<!doctype",
    re.IGNORECASE | re.MULTILINE,
)
_OF_ENGINES = re.compile(
    r"No backends|Timeout! All backends|All backends|You lack permissions|Something went"
)
_INTERRUPTED = re.compile(r"session interrupted|interrupted by", re.IGNORECASE)


def sentence(text: str) -> str:
    """An error text of the other hub, short, ended as a sentence, without paths or traces of its program."""
    told = text.strip()
    if not told or _INSIDES.search(told):
        return UNTOLD
    if len(told) > LONGEST:
        told = told[:LONGEST].rstrip() + "…"
    return told if told[-1] in ".!?…" else f"{told}."


def is_interrupt(text: str) -> bool:
    """Whether the other hub says that a picture was stopped on request."""
    return _INTERRUPTED.search(text) is not None


def failed(text: str, permission: str = "") -> str:
    """The reason of a picture that the other hub refused or failed to draw.

    What it says of the picture stands for itself; what it says of its engines would be taken for ours.
    """
    if permission:
        return (
            f"The other hub does not allow this: its user lacks the permission {permission}. Ask its owner "
            "for it."
        )
    told = sentence(text)
    return f"The other hub says: {told}" if _OF_ENGINES.match(told) else told
