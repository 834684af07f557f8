"""`<setvar[name]:text>`: carries out a text once and keeps what it came to for `<var:name>`."""

from hub.params.tags.filling import Filling
from hub.params.tags.tag import Tag


def _fill(filling: Filling, options: str | None, body: str) -> str:
    name, shown = named(filling, "setvar", options)
    filling.variables[name] = filling.fill(body)
    return filling.variables[name] if shown else ""


def named(filling: Filling, tag: str, options: str | None) -> tuple[str, bool]:
    """The name in a tag's brackets, and whether its text is shown where the tag stands. Raises Lost."""
    name, comma, shown = (options or "").partition(",")
    name, shown = name.strip(), shown.strip().lower()
    if not name or (comma and shown not in ("true", "false")):
        raise filling.lost(
            f"<{tag}:…> needs a name in brackets, like <{tag}[name]:…> or <{tag}[name,false]:…>"
        )
    return name, shown != "false"


TAG = Tag(
    names=("setvar",),
    forms=("<setvar[name]:text>", "<setvar[name,false]:text>"),
    description="Carries out the text once and keeps it for `<var:name>`; with `false` it is not shown here.",
    fill=_fill,
)
