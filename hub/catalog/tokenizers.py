"""Which text encoders' tokenizers lie with the models: only found here, nothing of them is loaded."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path

FILE = "tokenizer.json"
LARGEST = 64 << 20
"""Bytes of a tokenizer's file."""

_NOTES = "tokenizer_config.json"
_LONGEST_NOTES = 1 << 20
_MOST = 400  # folders that are looked into
_NAMES = ("tokenizer*", "t5*")
_KINDS = {
    "t5tokenizer": "t5",
    "gemmatokenizer": "gemma",
    "qwen2tokenizer": "qwen",
    "llamatokenizer": "llama",
    "berttokenizer": "bert",
}
"""Their short names, by the class that a tokenizer's notes name (without `Fast`, in lower case)."""


def find_tokenizers(models: Iterable[Path]) -> dict[str, Path]:
    """The tokenizers of models at these paths, folders or files: short name to the file `tokenizer.json`.

    Of several of one kind it is the first by its path. Blocking.
    """
    found: dict[str, Path] = {}
    homes = sorted({home for model in models for home in ((model,) if model.is_dir() else _near(model))})
    for folder in islice(_folders(homes), _MOST):
        file = folder / FILE
        kind = _KINDS.get(_class_of(folder / _NOTES))
        if kind is None or kind in found:
            continue
        with suppress(OSError):
            if 0 < file.stat().st_size <= LARGEST:
                found[kind] = file
    return found


def _near(model: Path) -> tuple[Path, ...]:
    """Where a model of a single file has its tokenizers: in a folder of its own name, or beside it."""
    return (model.with_suffix(""), model.parent)


def _folders(homes: Iterable[Path]) -> Iterator[Path]:
    for home in homes:
        for name in _NAMES:
            with suppress(OSError):
                yield from sorted(path for path in home.glob(name) if path.is_dir())


def _class_of(notes: Path) -> str:
    """The class a tokenizer's notes name, "" where they do not."""
    try:
        if notes.stat().st_size > _LONGEST_NOTES:
            return ""
        told = json.loads(notes.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return ""
    name = told.get("tokenizer_class") if isinstance(told, Mapping) else None
    return name.lower().removesuffix("fast") if isinstance(name, str) else ""
