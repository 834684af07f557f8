"""`<wildcard:name>`: a line of a wildcard's file by chance, or several."""

from hub.params.tags.amounts import amount, ranged
from hub.params.tags.filling import Filling
from hub.params.tags.tag import Tag

_NOT = ",not="


def _fill(filling: Filling, options: str | None, body: str) -> str:
    name, _, left_out = filling.fill(body).partition(_NOT)
    found = filling.wildcard(name)
    choices = found.options
    if left_out:
        without = {item.strip().lower() for item in left_out.split(",")}
        choices = tuple(one for one in choices if one.lower() not in without)
    if not choices:
        raise filling.lost("it leaves nothing to choose from")
    count, mark = amount(filling, "wildcard", options)
    return mark.join(ranged(filling, filling.fill(one)) for one in filling.draw(choices, count))


TAG = Tag(
    names=("wildcard", "wc"),
    forms=("<wildcard:name>", "<wc:name>", "<wildcard[2]:name>", "<wildcard:name,not=a,b>"),
    description="A line of the wildcard's file by chance, or as many as the brackets say, never one of those "
    "behind `not=`.",
    fill=_fill,
)
