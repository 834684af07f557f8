"""`<macro:name>`: what `<setmacro[name]:…>` keeps, carried out anew."""

from hub.params.tags.filling import Filling, cut
from hub.params.tags.tag import Tag


def _fill(filling: Filling, options: str | None, body: str) -> str:
    name = filling.fill(body).strip()
    if name not in filling.macros:
        raise filling.lost(f"it is used before <setmacro[{cut(name)}]:…> has set it")
    return filling.fill(filling.macros[name])


TAG = Tag(
    names=("macro",),
    forms=("<macro:name>",),
    description="The text kept by `<setmacro[name]:…>`, its tags carried out anew.",
    fill=_fill,
)
