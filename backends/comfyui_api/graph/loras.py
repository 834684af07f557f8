"""The chain of LoRAs: each is laid over what the one before it gave, with both its weights."""

import msgspec

from backends.comfyui_api.graph.draft import Draft, Kit
from backends.comfyui_api.graph.models import file

ORDER = 30
NEEDS = {"loras": (("LoraLoader",),), "lora_confinement": (("LoraLoader",),)}


def lay(draft: Draft) -> None:
    """Lay the work's LoRAs over its model. Raises Unbuildable."""
    draft.kit = wearing(draft, draft.kit, "base")


def wearing(draft: Draft, kit: Kit, stage: str) -> Kit:
    """The kit with the work's LoRAs over it that act in this pass ("base" or "refiner"). Raises
    Unbuildable.
    """
    for lora in draft.work.loras:
        if lora.only not in ("", stage):
            continue
        placed = draft.sheet.add(
            "LoRAs",
            "LoraLoader",
            model=kit.model,
            clip=kit.clip,
            lora_name=file(draft, "LoRAs", "LoraLoader", "lora_name", lora.model),
            strength_model=lora.weight,
            strength_clip=lora.text_weight,
        )
        kit = msgspec.structs.replace(kit, model=placed.out("MODEL"), clip=placed.out("CLIP"))
    return kit
