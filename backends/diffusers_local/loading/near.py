"""Finds what a file of a denoiser alone lacks: text encoders, autoencoder and tokenizers that lie near it, as
loose files by their usual names or inside model folders.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatch
from itertools import chain
from pathlib import Path
from typing import Any

from transformers import T5TokenizerFast

from backends.diffusers_local.loading.pieces import Piece
from backends.diffusers_local.loading.tensors import Tensors
from backends.diffusers_local.loading.weights import ModelTrouble, read_header, weight_files

_MOST = 200
"""Folders that are looked into, at most."""


def places(path: Path) -> list[Path]:
    """Folders near a file, the nearest first: one of its own name, its own, those in it, those beside it, and
    those beside the folder its own lies in (as `VAE` beside `Stable-Diffusion/Flux`).
    """
    own = path.parent
    found = [path.with_suffix(""), own, *_folders(own)]
    for around in (own.parent, own.parent.parent):
        found += [around, *_folders(around)]
    return list(dict.fromkeys(place for place in found if place.is_dir()))[:_MOST]


def find(piece: Piece, path: Path, header: Mapping[str, Any], near: Iterable[Path]) -> Tensors | Path | None:
    """The piece: inside the file itself, a loose file near it, or a component's folder; None when nowhere."""
    for prefix in piece.prefixes:
        if len(inside := Tensors(path, header, prefix)):
            return inside
    for place in near:
        candidates: Iterator[Tensors | Path] = chain(_loose(piece, place), _kept(piece, place))
        if (found := next(candidates, None)) is not None:
            return found
    return None


def _loose(piece: Piece, place: Path) -> Iterator[Tensors]:
    """Files of this piece in a folder."""
    for path in sorted(place.glob("*.safetensors")):
        if any(fnmatch(path.name.lower(), pattern) for pattern in piece.files):
            try:
                tensors = Tensors(path, read_header(path))
            except ModelTrouble:
                continue
            if _probed(piece, tensors):
                yield tensors


def _probed(piece: Piece, tensors: Tensors) -> bool:
    return any(
        name.endswith(probe) and tensors.shape(name) == piece.shape
        for name in tensors.names
        for probe in piece.probes
    )


def _kept(piece: Piece, place: Path) -> Iterator[Path]:
    """The component's folder in a model folder, whole and of this very kind."""
    for name in piece.folders:
        folder = place / name
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            fits = all(config.get(key) == value for key, value in piece.config.items())
            if fits and [read_header(file) for file in weight_files(folder)]:
                yield folder
        except (OSError, ValueError, ModelTrouble, AttributeError):
            continue


def _folders(place: Path) -> list[Path]:
    try:
        return sorted(path for path in place.iterdir() if path.is_dir())
    except OSError:
        return []


def find_t5_tokenizer(near: Iterable[Path]) -> Any:
    """T5's tokenizer, from a folder near by that has one; None when there is none."""
    names = ("tokenizer_3", "tokenizer_2", "t5_tokenizer", "tokenizer_t5", "t5", ".")
    for folder in (place / name for place in near for name in names):
        if not any((folder / file).is_file() for file in ("spiece.model", "tokenizer.json")):
            continue
        try:
            tokenizer = T5TokenizerFast.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError, TypeError, KeyError):
            continue
        if tokenizer("").input_ids == [tokenizer.eos_token_id]:  # an end and no begin: none of CLIP's
            return tokenizer
    return None
