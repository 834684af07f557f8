"""Looks at a model on disk before anything of it is loaded: complete, safe and of a kind this engine draws.

Only names on the list below are ever given to diffusers, so that a foreign folder can never choose code to
run, and only safetensors files, which hold no code.
"""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from backends.diffusers_local.families import FAMILIES, Family, of_pipeline
from backends.diffusers_local.loading.weights import (
    ModelTrouble,
    check_safetensors,
    precision_of,
    weight_files,
)

__all__ = ["ModelTrouble", "check_folder", "check_safetensors", "variant_of", "weight_files"]

_SCHEDULERS = frozenset(
    """DDIMScheduler DDPMScheduler PNDMScheduler LMSDiscreteScheduler EulerDiscreteScheduler
    EulerAncestralDiscreteScheduler HeunDiscreteScheduler KDPM2DiscreteScheduler
    KDPM2AncestralDiscreteScheduler
    DPMSolverMultistepScheduler DPMSolverSinglestepScheduler UniPCMultistepScheduler DEISMultistepScheduler
    LCMScheduler""".split()
)
_NOTHING = ("nothing", "nothing")


def check_folder(folder: Path, given: Collection[str] = ()) -> tuple[Family, dict[str, None]]:
    """Check a diffusers folder; returns its family and the components to leave out.

    The weights of the components `given` come from elsewhere and may be missing. Raises ModelTrouble.
    """
    if not folder.exists():
        raise ModelTrouble(f"The model {folder.name!r} is no longer there; refresh the list of models.")
    index = _read_json(folder / "model_index.json")
    kind = index.get("_class_name")
    family = of_pipeline(kind, [part for part, named in index.items() if named == [None, None]])
    if family is None:
        known = ", ".join(f"{family.name} ({family.pipelines[0]})" for family in FAMILIES.values())
        raise ModelTrouble(f"The model {folder.name!r} is a {kind}; this engine draws {known}.")
    _check_parts(folder, index, family)
    lacking = _lacking(folder, index, family)
    for part in family.weighted:
        for path in () if part in lacking or part in given else weight_files(folder / part):
            check_safetensors(path)
    return family, dict.fromkeys([name for name in family.unused if name in index] + lacking)


def _lacking(folder: Path, index: Mapping[str, Any], family: Family) -> list[str]:
    """The parts that this folder does without: left empty in its index, or their files taken away."""
    gone = {
        part for part in family.optional if _pair(index.get(part)) == _NOTHING or not (folder / part).is_dir()
    }
    return list(family.optional) if gone else []


def _check_parts(folder: Path, index: Mapping[str, Any], family: Family) -> None:
    """Refuse classes that the family has not: a foreign folder may not choose what code runs."""
    for part, allowed in family.parts.items():
        named = _pair(index.get(part))
        if named == _NOTHING and part in family.optional:
            continue
        if named == _NOTHING:
            raise ModelTrouble(f"The model {folder.name!r} has no {part}, which {family.name} needs.")
        if named not in allowed:
            known = ", ".join(sorted(name for _, name in allowed))
            raise ModelTrouble(
                f"The model {folder.name!r} names {'.'.join(named)} as its {part}; this engine takes {known}."
            )
    if _pair(index.get("scheduler")) not in {("diffusers", name) for name in _SCHEDULERS | family.schedulers}:
        raise ModelTrouble(f"The model {folder.name!r} names a scheduler this engine does not know.")


def variant_of(folder: Path) -> str | None:
    """The precision that diffusers must be told to look for, where some component has no other."""
    kept = [weight_files(part) for part in sorted(folder.iterdir()) if any(part.glob("*.safetensors"))]
    return next((precision for files in kept if (precision := precision_of(files[0]))), None)


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
