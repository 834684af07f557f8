"""Loose matching of names as people and old clients type them (swarm-api §4.1)."""

from collections.abc import Iterable, Mapping

_ENDING = ".safetensors"
_REMOVE = str.maketrans("", "", " []")


def plain(text: str) -> str:
    """Lower case, without spaces and square brackets."""
    return text.lower().translate(_REMOVE).strip()


def plain_model(name: str) -> str:
    """As `plain`, with `/` between folders and without the ending that nobody types."""
    text = plain(name.replace("\\", "/")).lstrip("/")
    return text.removesuffix(_ENDING)


def closest(wanted: str, options: Mapping[str, str] | Iterable[tuple[str, str]]) -> str | None:
    """The option that `wanted` (already plain) names: the same one, else the shortest that contains it.

    `options` pairs plain forms with what to give back. None when nothing contains it or it is empty.
    """
    if not wanted:
        return None
    if isinstance(options, Mapping):
        exact = options.get(wanted)
        if exact is not None:
            return exact
        options = options.items()
    best: tuple[int, str] | None = None
    for text, value in options:
        if text == wanted:
            return value
        if wanted in text and (best is None or len(text) < best[0]):
            best = (len(text), value)
    return None if best is None else best[1]
