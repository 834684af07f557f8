"""Looks at a model on disk before anything of it is loaded: complete, safe and of a kind this engine draws.

Only names on the list below are ever given to diffusers, so that a foreign folder can never choose code to
run, and only safetensors files, which hold no code.
"""

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backends.diffusers_local.families import FAMILIES, Family, of_pipeline

_SCHEDULERS = frozenset(
    """DDIMScheduler DDPMScheduler PNDMScheduler LMSDiscreteScheduler EulerDiscreteScheduler
    EulerAncestralDiscreteScheduler HeunDiscreteScheduler KDPM2DiscreteScheduler
    KDPM2AncestralDiscreteScheduler
    DPMSolverMultistepScheduler DPMSolverSinglestepScheduler UniPCMultistepScheduler DEISMultistepScheduler
    LCMScheduler""".split()
)
_NOTHING = ("nothing", "nothing")
_WEIGHTED = tuple(dict.fromkeys(part for family in FAMILIES.values() for part in family.weighted))


class ModelTrouble(Exception):
    """A model cannot be used; the text is a sentence for the user, naming the file or class."""


def check_folder(folder: Path) -> tuple[Family, dict[str, None]]:
    """Check a diffusers folder; returns its family and the components to leave out. Raises ModelTrouble."""
    if not folder.exists():
        raise ModelTrouble(f"The model {folder.name!r} is no longer there; refresh the list of models.")
    index = _read_json(folder / "model_index.json")
    kind = index.get("_class_name")
    family = of_pipeline(kind)
    if family is None:
        known = ", ".join(f"{family.name} ({family.pipelines[0]})" for family in FAMILIES.values())
        raise ModelTrouble(f"The model {folder.name!r} is a {kind}; this engine draws {known}.")
    _check_parts(folder, index, family)
    for part in family.weighted:
        for path in weight_files(folder / part):
            check_safetensors(path)
    return family, dict.fromkeys(name for name in family.unused if name in index)


def _check_parts(folder: Path, index: Mapping[str, Any], family: Family) -> None:
    """Refuse classes that the family has not: a foreign folder may not choose what code runs."""
    for part, allowed in family.parts.items():
        named = _pair(index.get(part))
        if named == _NOTHING:
            raise ModelTrouble(f"The model {folder.name!r} has no {part}, which {family.name} needs.")
        if named not in allowed:
            known = ", ".join(sorted(name for _, name in allowed))
            raise ModelTrouble(
                f"The model {folder.name!r} names {'.'.join(named)} as its {part}; this engine takes {known}."
            )
    if _pair(index.get("scheduler")) not in {("diffusers", name) for name in _SCHEDULERS}:
        raise ModelTrouble(f"The model {folder.name!r} names a scheduler this engine does not know.")


def weight_files(part: Path) -> list[Path]:
    """The safetensors files of one component, full precision first. Raises ModelTrouble when there are
    none.
    """
    files = sorted(part.glob("*.safetensors"))
    plain = [path for path in files if ".fp16." not in path.name]
    if not files:
        other = " (it has .bin files: only .safetensors are loaded, because they hold no code)"
        raise ModelTrouble(
            f"The model's {part.name} has no .safetensors weights in {part.parent.name}/{part.name}"
            f"{other if list(part.glob('*.bin')) else ''}."
        )
    return plain or files


def variant_of(folder: Path) -> str | None:
    """ "fp16" when that is the only precision the folder holds."""
    return "fp16" if all(".fp16." in path.name for path in weight_files(folder / "unet")) else None


def check_safetensors(path: Path) -> int:
    """Check that the file is as long as its header says; returns its bytes. Raises ModelTrouble."""
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(size, 100_000_000):
                raise ValueError("its header is longer than the file")
            header = json.loads(file.read(length))
        if not isinstance(header, dict):
            raise ValueError("its header is no table")
        end = max(
            (entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"), default=0
        )
    except (ValueError, KeyError, TypeError, struct.error) as error:
        raise ModelTrouble(
            f"{path.name} in {path.parent.name!r} is no whole safetensors file: {error}."
        ) from error
    if size != 8 + length + end:
        raise ModelTrouble(
            f"{path.name} in {path.parent.name!r} holds {size} bytes where {8 + length + end} belong: "
            "copy or download it again."
        )
    return size


def bytes_of(model: Path) -> int:
    """Bytes of a model's weights on disk."""
    if model.is_file():
        return model.stat().st_size
    return sum(path.stat().st_size for part in _WEIGHTED for path in (model / part).glob("*.safetensors"))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelTrouble(f"{path.parent.name!r} is no diffusers model: it has no {path.name}.") from None
    except (OSError, ValueError) as error:
        raise ModelTrouble(f"{path.name} of {path.parent.name!r} cannot be read: {error}.") from error
    if not isinstance(value, dict):
        raise ModelTrouble(f"{path.name} of {path.parent.name!r} is not an object.")
    return value


def _pair(value: object) -> tuple[str, str]:
    if isinstance(value, list) and len(value) == 2 and None not in value:
        return str(value[0]), str(value[1])
    return _NOTHING
