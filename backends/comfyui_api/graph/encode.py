"""From the initial picture to the latents that are drawn on: all of it, or what a mask covers, in two ways.

A model made for filling holes is shown the picture with holes in it; any other draws over the picture, and
what the mask does not cover is kept as it is at every step.
"""

import msgspec

from backends.comfyui_api.graph.draft import Draft, Kit
from backends.comfyui_api.graph.families import FAMILIES
from backends.comfyui_api.graph.mask import under_box
from backends.comfyui_api.graph.sheet import Link
from backends.comfyui_api.graph.vae import encoded
from backends.contract import ModelRef

ORDER = 66

_GROW = 6  # pixels, the node's own default: the seam lies inside of what is drawn


def lay(draft: Draft) -> None:
    """Prepare the latents to draw on. Raises Unbuildable."""
    extra = draft.work.extra
    if draft.image is None:
        draft.latent = empty(draft, draft.kit)
        return
    if noise := float(extra.get("initimagenoise", 0)):
        draft.image = draft.sheet.one(
            "Init Image Noise",
            "SwarmImageNoise",
            "IMAGE",
            image=draft.image,
            amount=noise,
            seed=draft.work.seed,
        )
    if draft.mask is not None and _looks(draft):
        draft.shown = draft.image, under_box(draft, draft.mask)
    filling = draft.mask is not None and draft.shown is None and _fills(draft)
    if draft.mask is None or not filling:
        draft.latent = encoded(draft, draft.kit, draft.image)
        if part := float(extra.get("initimageresettonorm", 0)):
            draft.latent = _levelled(draft, draft.latent, part)
    if draft.mask is not None:
        draft.latent = _holed(draft, draft.image) if filling else masked(draft, draft.latent, draft.mask)


def empty(draft: Draft, kit: Kit) -> Link:
    """Latents with nothing in them. Raises Unbuildable."""
    return draft.sheet.one(
        "Width", kit.latents, "LATENT", width=draft.size[0], height=draft.size[1], batch_size=1
    )


def masked(draft: Draft, latent: Link, mask: Link) -> Link:
    """Latents of which only what the mask covers is drawn. Raises Unbuildable."""
    soften(draft)
    return draft.sheet.one(
        "Mask Image", "SetLatentNoiseMask", "LATENT", samples=latent, mask=under_box(draft, mask)
    )


def soften(draft: Draft) -> None:
    """Let what is grey in masks be drawn in later steps only, where the server can. Raises Unbuildable."""
    said = draft.work.extra.get("maskbehavior")
    node = "DifferentialDiffusion"
    if said == "Simple Latent" or (said is None and not draft.server.has(node)):
        return
    if draft.sheet.kind_of(draft.kit.model) == node:
        return
    model = draft.sheet.one("Mask Behavior", node, "MODEL", model=draft.kit.model)
    draft.kit = msgspec.structs.replace(draft.kit, model=model)


def made_to_fill(model: ModelRef) -> bool:
    """Whether a model was made for filling holes."""
    said = f"{model.class_id} {model.name}".lower()
    return "inpaint" in said or "-fill" in said


def _fills(draft: Draft) -> bool:
    """Whether the picture is shown with holes: to a model made for that when all of it is redrawn there."""
    asked = draft.work.extra.get("useinpaintingencode") is True
    return asked or (made_to_fill(draft.work.model) and draft.start_at == 0)


def _looks(draft: Draft) -> bool:
    """Whether the model was made to be shown the picture beside its prompts, not in its latents."""
    family = FAMILIES.get(draft.kit.family)
    return family is not None and family.guided and made_to_fill(draft.work.model)


def _holed(draft: Draft, image: Link) -> Link:
    mask = under_box(draft, draft.mask) if draft.mask is not None else image
    return draft.sheet.one(
        "Use Inpainting Encode",
        "VAEEncodeForInpaint",
        "LATENT",
        pixels=image,
        vae=draft.kit.vae,
        mask=mask,
        grow_mask_by=_GROW,
    )


def _levelled(draft: Draft, latent: Link, part: float) -> Link:
    """The latents moved this far towards an average picture's, which is nothing."""
    return draft.sheet.one(
        "Init Image Reset To Norm",
        "LatentBlend",
        "LATENT",
        samples1=latent,
        samples2=empty(draft, draft.kit),
        blend_factor=round(1 - part, 4),
    )
