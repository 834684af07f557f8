"""What the tags that change a prompt between steps share: they leave brackets for the engine to read."""

from hub.params.tags.filling import Filling, cut

SWITCHING = "prompt_switching"
"""The feature of engines that read `[a|b]` and `[a:b:0.5]`."""

_OPEN, _CLOSE = "([", ")]"


def item(filling: Filling, tag: str, text: str, mark: str) -> str:
    """An item as it may stand between `mark`s. Raises Lost for one that would be read as two."""
    deep = 0
    for sign in text:
        if sign in _OPEN:
            deep += 1
        elif sign in _CLOSE:
            deep -= 1
        if deep < 0 or (sign == mark and not deep):
            break
    else:
        if not deep:
            return text
    raise filling.lost(
        f"the item '{cut(text)}' of <{tag}:…> has brackets that do not match, or a `{mark}` outside "
        "of brackets"
    )
