"""`<random:a,b>`: one of several by chance, or some of them."""

from hub.params.tags.amounts import amount, ranged
from hub.params.tags.brackets import parts
from hub.params.tags.filling import Filling
from hub.params.tags.tag import Tag


def _fill(filling: Filling, options: str | None, body: str) -> str:
    choices = parts(body)
    if not any(choices):
        raise filling.lost("<random:…> needs something to choose from, like <random:red,blue>")
    count, mark = amount(filling, "random", options)
    drawn = filling.draw(choices, count)
    return mark.join(ranged(filling, filling.fill(one)) for one in drawn)


TAG = Tag(
    names=("random", "rand"),
    forms=("<random:a,b,c>", "<random[2]:…>", "<random[2-3]:…>", "<random[2,]:…>", "<random:1-5>"),
    description="One of the items by chance, or as many as the brackets say, none again before all were "
    "drawn; `[2,]` puts commas between them. A range gives a number.",
    fill=_fill,
)
