"""`<extend:frames>`: only some engines draw it; they read the tag themselves."""

from hub.params.tags.filling import Filling
from hub.params.tags.tag import Tag


def _fill(filling: Filling, options: str | None, body: str) -> str:
    filling.ask("video", "extend", "makes a video longer")
    return f"<extend:{filling.fill(body)}>"


TAG = Tag(
    names=("extend",),
    forms=("<extend:frames>",),
    description="Makes a video longer. Refused unless an engine has the feature `video`.",
    fill=_fill,
    stays=True,
)
