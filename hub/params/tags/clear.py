"""`<clear:what>`: only some engines draw it; they read the tag themselves."""

from hub.params.tags.filling import Filling
from hub.params.tags.tag import Tag


def _fill(filling: Filling, options: str | None, body: str) -> str:
    filling.ask("clear", "clear", "makes a part of the picture transparent")
    return f"<clear:{filling.fill(body)}>"


TAG = Tag(
    names=("clear",),
    forms=("<clear:what>",),
    description="Makes what is named transparent. Refused unless an engine has the feature `clear`.",
    fill=_fill,
    stays=True,
)
