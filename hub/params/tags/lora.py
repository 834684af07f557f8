"""`<lora:name>`, `<lora:name:weight>`, `<lora:name:weight:text weight>`: lays a LoRA over the model."""

import math

from hub.catalog import Entry
from hub.params.tags.areas import DRAWN_ANEW, worn_mark
from hub.params.tags.filling import Filling, Prompted
from hub.params.tags.stages import MARKS
from hub.params.tags.tag import Tag

FEATURE = "region_loras"
"""What engines must have for one that acts in a part of the picture."""

_LEAST, _MOST = -10, 10
"""The range of a weight, that of the parameter LoRA Weights."""


def _fill(filling: Filling, options: str | None, body: str) -> str:
    body = filling.fill(body)
    in_part = filling.section not in ("", *MARKS)
    if in_part and (filling.section not in DRAWN_ANEW or filling.field == "negativeprompt"):
        raise filling.refused(
            f"<lora:…> stands behind <{filling.section}:…>, and no engine here lays a LoRA over a part of "
            "the picture while all of it is drawn; put it in front, or behind <segment:…> or <object:…> of "
            "Prompt, which are drawn anew"
        )
    name, *weights = body.split(":")
    if len(weights) > 2:
        raise filling.lost(f"<lora:{body[:100]}> has more than a name and two weights")
    numbers = [_weight(filling, text) for text in weights]
    entry = filling.find("lora", "LoRA", name)
    weight, text_weight = (*numbers, None, None)[:2]
    if in_part:
        usual = usual_weight(entry) if weight is None else weight
        filling.worn[entry.name] = entry
        filling.ask(FEATURE, "lora", f"stands behind <{filling.section}:…> and acts there alone")
        filling.count([*filling.prompted, *filling.worn], "LoRAs")
        return worn_mark(entry.name, usual, usual if text_weight is None else text_weight)
    filling.prompted.append(Prompted(entry, weight, text_weight, filling.section))
    filling.count([*filling.prompted, *filling.worn], "LoRAs")
    return ""


def usual_weight(lora: Entry) -> float:
    """The weight a LoRA asks for itself, else 1."""
    try:
        return min(10.0, max(-10.0, float(lora.lora_default_weight)))
    except ValueError:
        return 1.0


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
    "Behind <base> or <refiner> it acts in that pass alone, behind <segment:…> or <object:…> where that "
    "part is drawn anew.",
    fill=_fill,
)
