"""`<lora:name>`, `<lora:name:weight>`, `<lora:name:weight:text weight>`: lays a LoRA over the model."""

import math

from hub.params.tags.filling import Filling, Prompted
from hub.params.tags.stages import MARKS
from hub.params.tags.tag import Tag

_LEAST, _MOST = -10, 10
"""The range of a weight, that of the parameter LoRA Weights."""


def _fill(filling: Filling, options: str | None, body: str) -> str:
    body = filling.fill(body)
    if filling.section and filling.section not in MARKS:
        raise filling.refused(
            f"<lora:…> stands behind <{filling.section}:…>, and no engine here lays a LoRA over a part of "
            "the picture; put it in front"
        )
    name, *weights = body.split(":")
    if len(weights) > 2:
        raise filling.lost(f"<lora:{body[:100]}> has more than a name and two weights")
    numbers = [_weight(filling, text) for text in weights]
    entry = filling.find("lora", "LoRA", name)
    weight, text_weight = (*numbers, None, None)[:2]
    filling.prompted.append(Prompted(entry, weight, text_weight, filling.section))
    filling.count(filling.prompted, "LoRAs")
    return ""


def _weight(filling: Filling, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not _LEAST <= number <= _MOST:
        raise filling.lost(f"the weight '{text[:100]}' in <lora:…> must be a number from {_LEAST} to {_MOST}")
    return number


TAG = Tag(
    names=("lora",),
    forms=("<lora:name>", "<lora:name:weight>", "<lora:name:weight:text weight>"),
    description="Lays a LoRA over the model, as if it stood in LoRAs; without a weight, with its usual one. "
    "Behind <base> or <refiner> it acts in that pass alone.",
    fill=_fill,
)
