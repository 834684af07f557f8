"""The chain of LoRAs: each is laid over what the one before it gave, with both its weights."""

from collections.abc import Iterable

import msgspec

from backends.comfyui_api.graph.draft import Draft, Kit
from backends.comfyui_api.graph.models import file
from backends.comfyui_api.graph.outcome import Unbuildable
from backends.contract import Lora, Region

ORDER = 30
_NODES = (("LoraLoader",),)
NEEDS = {"loras": _NODES, "lora_confinement": _NODES, "region_loras": _NODES}


def lay(draft: Draft) -> None:
    """Lay the work's LoRAs over its model. Raises Unbuildable."""
    draft.kit = wearing(draft, draft.kit, "base")


def wearing(draft: Draft, kit: Kit, stage: str) -> Kit:
    """The kit with the work's LoRAs over it that act in this pass ("base" or "refiner"). Raises
    Unbuildable.
    """
    return _laid(draft, kit, "LoRAs", [lora for lora in draft.work.loras if lora.only in ("", stage)])


def wearing_for(draft: Draft, kit: Kit, region: Region) -> Kit:
    """The kit that a part of the picture is drawn anew with. Raises Unbuildable."""
    if region.loras and not draft.drawn_alike:
        raise Unbuildable(
            f"A LoRA behind <{region.kind}:…> in Prompt is for the model, and that part is drawn anew by the "
            "Refiner Model, which is of another kind. Set Segment Apply After to Base, or put the LoRA in "
            "front."
        )
    return _laid(draft, kit, "Prompt", region.loras)


def _laid(draft: Draft, kit: Kit, param: str, loras: Iterable[Lora]) -> Kit:
    for lora in loras:
        placed = draft.sheet.add(
            param,
            "LoraLoader",
            model=kit.model,
            clip=kit.clip,
            lora_name=file(draft, param, "LoraLoader", "lora_name", lora.model),
            strength_model=lora.weight,
            strength_clip=lora.text_weight,
        )
        kit = msgspec.structs.replace(kit, model=placed.out("MODEL"), clip=placed.out("CLIP"))
    return kit
