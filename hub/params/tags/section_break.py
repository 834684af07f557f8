"""`<break>`: what follows is read by the text encoder in a window of its own."""

from hub.params.tags.filling import Filling
from hub.params.tags.tag import Tag


def _fill(filling: Filling, options: str | None, body: str) -> str:
    return "<break>"


TAG = Tag(
    names=("break",),
    forms=("<break>",),
    description="Text encoders read what follows in a window of its own.",
    fill=_fill,
    bare=True,
    stays=True,
)
