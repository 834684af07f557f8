"""`<var:name>`: what `<setvar[name]:…>` came to."""

from hub.params.tags.filling import Filling, cut
from hub.params.tags.tag import Tag


def _fill(filling: Filling, options: str | None, body: str) -> str:
    name = filling.fill(body).strip()
    if name not in filling.variables:
        raise filling.lost(f"it is used before <setvar[{cut(name)}]:…> has set it")
    return filling.variables[name]


TAG = Tag(
    names=("var",),
    forms=("<var:name>",),
    description="The text kept by `<setvar[name]:…>`; the negative prompt is read after the prompt.",
    fill=_fill,
)
