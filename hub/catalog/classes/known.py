"""The architecture classes by the ids that SwarmUI's clients know (swarm-api §5.1), plus our starter's.

The table is data (`known.json`): ids, display names, compatibility class and standard size.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec
from msgspec import Struct


class CompatClass(Struct, frozen=True):
    """A group of classes whose add-ons fit each other; the fields are those of `model_compat_classes`."""

    id: str
    short_code: str
    loras_target_text_enc: bool = True
    is_text2video: bool = False
    is_image2video: bool = False
    is_audio_model: bool = False
    has_joint_av_latents: bool = False
    resolution_precision: int = 16
    vae_family: str | None = None


class ModelClass(Struct, frozen=True):
    """One architecture; the fields are those of `model_classes`. A size of 0 means that it has none."""

    id: str
    name: str
    compat_class: str
    standard_width: int
    standard_height: int


class _Tables(Struct):
    compat_classes: list[CompatClass]
    classes: list[ModelClass]


_tables = msgspec.json.decode(Path(__file__).with_name("known.json").read_bytes(), type=_Tables)

COMPAT_CLASSES: Mapping[str, CompatClass] = MappingProxyType({c.id: c for c in _tables.compat_classes})
"""Compatibility classes by id, in the documented order."""

CLASSES: Mapping[str, ModelClass] = MappingProxyType({c.id: c for c in _tables.classes})
"""Model classes by id, in the documented order."""

_BY_LOWER = {c.id.lower(): c for c in _tables.classes}

# Other spellings of an architecture seen in files, and what they mean here.
_OTHER_NAMES = {
    "flux-1-dev": "flux.1-dev",
    "flux-1-dev/lora": "flux.1-dev/lora",
    "flux-dev/lora": "flux.1-dev/lora",
    "flux-1-schnell": "flux.1-schnell",
    "flux-1-schnell/lora": "flux.1-dev/lora",
    "flux.1-schnell/lora": "flux.1-dev/lora",
    "flux.1-depth-dev": "flux.1-dev/depth",
    "flux.1-canny-dev": "flux.1-dev/canny",
    "flux.1-fill-dev": "flux.1-dev/inpaint",
    "flux.1-ae": "flux.1/vae",
    "stable-cascade-v1-stage-a": "stable-cascade-v1-stage-a/vae",
    "stable-diffusion-3-3-5-large": "stable-diffusion-v3.5-large",
    "stable-diffusion-v3.5-large-turbo": "stable-diffusion-v3.5-large",
    "stable-diffusion-3-3-5-medium": "stable-diffusion-v3.5-medium",
}


def by_name(architecture: str) -> ModelClass | None:
    """The class a file's own metadata names, in any letter case and in the older spellings too."""
    low = architecture.strip().lower()
    return _BY_LOWER.get(_OTHER_NAMES.get(low, low))
