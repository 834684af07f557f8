"""`<setmacro[name]:text>`: keeps a text with its tags for `<macro:name>`."""

from hub.params.tags.filling import Filling
from hub.params.tags.setvar import named
from hub.params.tags.tag import Tag


def _fill(filling: Filling, options: str | None, body: str) -> str:
    name, shown = named(filling, "setmacro", options)
    filling.macros[name] = body
    return filling.fill(body) if shown else ""


TAG = Tag(
    names=("setmacro",),
    forms=("<setmacro[name]:text>", "<setmacro[name,false]:text>"),
    description="Keeps the text with its tags for `<macro:name>`; with `false` it is not shown here.",
    fill=_fill,
)
