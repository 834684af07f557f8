"""CLIP's tokenizer, made from the word list that the package open-clip-torch carries: nothing is downloaded.

Single-file checkpoints bring no tokenizer, and all of them were trained with this one.
"""

import gzip
import importlib.util
from functools import cache
from pathlib import Path

from transformers import CLIPTokenizer

_LIST = "bpe_simple_vocab_16e6.txt.gz"
_SIZE = 49408
_BEGIN, _END = "<|startoftext|>", "<|endoftext|>"
WINDOW = 77
"""Tokens that CLIP reads at once, its begin and end among them."""


def clip_tokenizer() -> CLIPTokenizer | None:
    """A new tokenizer, padding with its end token; None when the package or its word list is missing."""
    path = _find()
    if path is None:
        return None
    vocabulary, merges = _read(path)
    return CLIPTokenizer(vocab=dict(vocabulary), merges=list(merges), model_max_length=WINDOW)


def _find() -> Path | None:
    # the package itself is not imported: it would want torchvision
    spec = importlib.util.find_spec("open_clip")
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        path = Path(folder) / _LIST
        if path.is_file():
            return path
    return None


@cache
def _read(path: Path) -> tuple[dict[str, int], tuple[tuple[str, str], ...]]:
    """The vocabulary and the merges. Order is CLIP's: bytes, bytes that end a word, merges, begin and
    end.
    """
    lines = gzip.decompress(path.read_bytes()).decode("utf-8").split("\n")
    letters = _letters()
    count = _SIZE - 2 * len(letters) - 2
    merges = tuple((first, second) for first, second in (line.split() for line in lines[1 : count + 1]))
    words = [*letters, *(f"{letter}</w>" for letter in letters)]
    words += [first + second for first, second in merges]
    return {word: number for number, word in enumerate([*words, _BEGIN, _END])}, merges


def _letters() -> list[str]:
    """A visible character for each byte: itself where it has one, else one from U+0100 on."""
    visible = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = sorted(set(range(256)) - set(visible))
    return [chr(byte) for byte in visible] + [chr(256 + number) for number in range(len(hidden))]
