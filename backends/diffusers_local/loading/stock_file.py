"""Files that hold only the transformer of a model that its own pipeline draws: the rest is taken from a
folder of the same family near it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import diffusers
import torch
from safetensors.torch import load_file

from backends.diffusers_local.families import FAMILIES, Family
from backends.diffusers_local.loading.folders import check_folder
from backends.diffusers_local.loading.near import places
from backends.diffusers_local.loading.weights import ModelTrouble, read_header

_PREFIXES = ("", "model.diffusion_model.", "model.", "transformer.", "diffusion_model.")
"""What trainers and converters put before the names of a transformer's tensors."""


def family_of_file(path: Path) -> Family | None:
    """The family whose transformer a file holds; None for every other file, also for one that is broken."""
    try:
        names = read_header(path)
    except ModelTrouble:
        return None
    found = (family for family in FAMILIES.values() if family.stock is not None and family.stock.file)
    return next((family for family in found if _prefix(family, names) is not None), None)


def load_parts(path: Path, dtype: torch.dtype) -> tuple[Path, Any]:
    """The folder that gives the rest, and the file's transformer. Raises ModelTrouble."""
    header = read_header(path)
    family = family_of_file(path)
    if family is None:
        raise ModelTrouble(f"{path.name!r} is no transformer of a model that its own pipeline draws.")
    if any(name.endswith(("scale_weight", "weight_scale", "scaled_fp8")) for name in header):
        raise ModelTrouble(
            f"{path.name!r} holds numbers of 8 bits with scales of their own, which are not read here; get "
            "it in 16 bits."
        )
    folder = _folder_near(path, family)
    prefix = _prefix(family, header) or ""
    tensors = {name.removeprefix(prefix): tensor for name, tensor in load_file(path).items()}
    ((_, kind),) = family.parts["transformer"]
    try:
        transformer = getattr(diffusers, kind).from_single_file(
            tensors, config=str(folder), subfolder="transformer", local_files_only=True, dtype=dtype
        )
    except (RuntimeError, ValueError):  # of moving what has no numbers, or of shapes that do not fit
        raise ModelTrouble(
            f"{path.name!r} lacks some of the tensors that {family.name} of {folder.name!r} has: it is not "
            "whole, or of another size."
        ) from None
    return folder, transformer


def _prefix(family: Family, names: Mapping[str, Any]) -> str | None:
    """What stands before this family's tensors; None when they are not there."""
    told = family.stock.file if family.stock is not None else ()
    return next((prefix for prefix in _PREFIXES if all(prefix + name in names for name in told)), None)


def _folder_near(path: Path, family: Family) -> Path:
    """The nearest whole folder of the family, with or without its transformer's weights. Raises
    ModelTrouble.
    """
    for place in places(path):
        if not (place / "model_index.json").is_file():
            continue
        try:
            found, _ = check_folder(place, given=("transformer",))
        except ModelTrouble:
            continue
        if found is family and (place / "transformer" / "config.json").is_file():
            return place
    raise ModelTrouble(
        f"{path.name!r} holds only the transformer of {family.name}. Put the diffusers folder of such a "
        f"model ({family.pipelines[0]}) beside it: its text encoder, VAE and settings are taken from there; "
        "the transformer's weights may be left out."
    )
