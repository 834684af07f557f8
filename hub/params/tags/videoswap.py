"""`<videoswap>`: only some engines draw it; they read the tag themselves."""

from hub.params.tags.filling import Filling
from hub.params.tags.tag import Tag


def _fill(filling: Filling, options: str | None, body: str) -> str:
    filling.ask("video", "videoswap", "is for making videos")
    return "<videoswap>"


TAG = Tag(
    names=("videoswap",),
    forms=("<videoswap>",),
    description="What follows is for the second model of a video alone. "
    "Refused unless an engine has the feature `video`.",
    fill=_fill,
    bare=True,
    stays=True,
)
