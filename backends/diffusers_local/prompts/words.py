"""CLIP's word list, read from what the package open-clip-torch carries: nothing is downloaded and nothing
native is loaded.
"""

import gzip
import importlib.util
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_LIST = "bpe_simple_vocab_16e6.txt.gz"
_SIZE = 49408
BEGIN, END = "<|startoftext|>", "<|endoftext|>"
"""The tokens around every text."""

WINDOW = 77
"""Tokens that CLIP reads at once, its begin and end among them."""

Words = tuple[Mapping[str, int], tuple[tuple[str, str], ...]]


def clip_words() -> Words | None:
    """The vocabulary (token to number) and the merges in order; None when the list is not installed."""
    path = _find()
    return None if path is None else _read(path)


def _find() -> Path | None:
    # the package itself is not imported: it would want torchvision
    spec = importlib.util.find_spec("open_clip")
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        path = Path(folder) / _LIST
        if path.is_file():
            return path
    return None


@cache
def _read(path: Path) -> Words:
    """The vocabulary and the merges. Order is CLIP's: bytes, bytes that end a word, merges, begin and
    end.
    """
    lines = gzip.decompress(path.read_bytes()).decode("utf-8").split("\n")
    letters = _letters()
    count = _SIZE - 2 * len(letters) - 2
    merges = tuple((first, second) for first, second in (line.split() for line in lines[1 : count + 1]))
    words = [*letters, *(f"{letter}</w>" for letter in letters)]
    words += [first + second for first, second in merges]
    return {word: number for number, word in enumerate([*words, BEGIN, END])}, merges


def _letters() -> list[str]:
    """A visible character for each byte: itself where it has one, else one from U+0100 on."""
    visible = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = sorted(set(range(256)) - set(visible))
    return [chr(byte) for byte in visible] + [chr(256 + number) for number in range(len(hidden))]
