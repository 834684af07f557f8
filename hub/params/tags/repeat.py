"""`<repeat[3]:x>`: the same several times, carried out anew each time."""

from hub.params.tags.amounts import amount
from hub.params.tags.filling import Filling
from hub.params.tags.tag import Tag


def _fill(filling: Filling, options: str | None, body: str) -> str:
    if options is None:
        raise filling.lost("<repeat:…> needs a count in brackets, like <repeat[3]:very>")
    count, mark = amount(filling, "repeat", options)
    return mark.join(filling.fill(body).strip() for _ in range(count))


TAG = Tag(
    names=("repeat",),
    forms=("<repeat[3]:text>", "<repeat[1-3]:text>", "<repeat[3,]:text>"),
    description="The text so many times, its tags carried out anew each time.",
    fill=_fill,
)
