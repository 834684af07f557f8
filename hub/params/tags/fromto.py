"""`<fromto[0.5]:a,b>`: one prompt until a step, another one from there on."""

import re

from hub.params.tags.brackets import parts
from hub.params.tags.filling import Filling
from hub.params.tags.switching import SWITCHING, item
from hub.params.tags.tag import Tag

_WHEN = re.compile(r"[0-9]{1,6}|[0-9]{0,6}\.[0-9]{1,6}")


def _fill(filling: Filling, options: str | None, body: str) -> str:
    when = (options or "").strip()
    if _WHEN.fullmatch(when) is None:
        raise filling.lost(
            "<fromto:…> needs in its brackets when to change, as part of the steps or as step: "
            "<fromto[0.5]:cat,dog> or <fromto[10]:cat,dog>"
        )
    items = [item(filling, "fromto", filling.fill(one), ":") for one in parts(body)]
    if len(items) != 2:
        raise filling.lost(f"<fromto[{when}]:…> needs two items, like <fromto[{when}]:cat,dog>")
    if filling.around.measuring:
        return max(items, key=len)
    filling.ask(SWITCHING, "fromto", "changes its prompt between the steps")
    return f"[{items[0]}:{items[1]}:{when}]"


TAG = Tag(
    names=("fromto",),
    forms=("<fromto[0.5]:a,b>", "<fromto[10]:a,b>"),
    description="The first item until this part of the steps (or this step), then the second. The text "
    "becomes `[a:b:0.5]`.",
    fill=_fill,
)
