"""Prompts read at an earlier layer of the text encoder, counted from its end."""

import msgspec

from backends.comfyui_api.graph.draft import Draft, Kit

ORDER = 40


def lay(draft: Draft) -> None:
    """Stop the text encoder where the work asks. Raises Unbuildable."""
    draft.kit = skipping(draft, draft.kit)


def skipping(draft: Draft, kit: Kit) -> Kit:
    """The kit whose text encoder stops where the work asks. Raises Unbuildable."""
    layer = draft.work.extra.get("clipstopatlayer")
    if layer is None:
        return kit
    clip = draft.sheet.one(
        "CLIP Stop At Layer", "CLIPSetLastLayer", "CLIP", clip=kit.clip, stop_at_clip_layer=int(layer)
    )
    return msgspec.structs.replace(kit, clip=clip)
