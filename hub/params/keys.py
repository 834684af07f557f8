"""Parameter ids: how a key of any spelling becomes one, and every id the documentation knows."""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec
from msgspec import Struct

_OTHER = re.compile(r"[^a-z]+")

REMAPS: Mapping[str, str] = MappingProxyType(
    {
        "comfyworkflow": "comfyuicustomworkflow",
        "saveintermediateimages": "outputintermediateimages",
        "textvideofps": "videofps",
        "textvideoboomerang": "videoboomerang",
        "textvideoformat": "videoformat",
    }
)
"""Former ids and what they are called today (swarm-api §4.1)."""


def letters(name: str) -> str:
    """The id of a name: lower-case a to z and nothing else, so that `CFG Scale` and `cfg_scale` are one."""
    return _OTHER.sub("", name.lower())


class _Documented(Struct):
    core: dict[str, str]
    extensions: list[str]


_data = msgspec.json.decode(Path(__file__).with_name("documented.json").read_bytes(), type=_Documented)

DOCUMENTED: Mapping[str, str] = MappingProxyType(_data.core | {name: name for name in _data.extensions})
"""Every id that SwarmUI documents with its display name (swarm-api §5.3, §5.4)."""
