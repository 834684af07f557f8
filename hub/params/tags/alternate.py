"""`<alternate:a,b>`: another prompt every step."""

from hub.params.tags.brackets import parts
from hub.params.tags.filling import Filling
from hub.params.tags.switching import SWITCHING, item
from hub.params.tags.tag import Tag


def _fill(filling: Filling, options: str | None, body: str) -> str:
    items = [item(filling, "alternate", filling.fill(one), "|") for one in parts(body)]
    if len(items) < 2:
        raise filling.lost("<alternate:…> needs at least two items, like <alternate:cat,dog>")
    if filling.around.measuring:
        return max(items, key=len)
    filling.ask(SWITCHING, "alternate", "changes its prompt between the steps")
    return f"[{'|'.join(items)}]"


TAG = Tag(
    names=("alternate", "alt"),
    forms=("<alternate:a,b>", "<alt:a,b>"),
    description="The items in turn, another one each step. The text becomes `[a|b]`.",
    fill=_fill,
)
