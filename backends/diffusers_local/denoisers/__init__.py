"""How each kind of denoiser is asked: one file a kind, named by `Family.denoiser`.

Such a file has `check(ref, family, parts)`, which raises ModelTrouble for a model it cannot ask, and
`make(family, parts, schedules)`, which returns a Denoiser.
"""

import importlib
from collections.abc import Mapping
from typing import Any

from backends.contract import ModelRef
from backends.diffusers_local.denoisers.denoiser import Conditions, Denoiser
from backends.diffusers_local.families import Family
from backends.diffusers_local.samplers.walks import Walks

__all__ = ["Conditions", "Denoiser", "make_denoiser"]


def make_denoiser(ref: ModelRef, family: Family, parts: Mapping[str, Any], schedules: Walks) -> Denoiser:
    """The denoiser of a loaded model. Raises ModelTrouble when it wants what its family does not give."""
    kind = importlib.import_module(f"{__name__}.{family.denoiser}")
    kind.check(ref, family, parts)
    made: Denoiser = kind.make(family, parts, schedules)
    return made
