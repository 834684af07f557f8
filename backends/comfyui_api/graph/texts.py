"""The prompts of a pass as its sampler takes them: read, spread over their regions, guided and controlled."""

from backends.comfyui_api.graph.controls import controlled
from backends.comfyui_api.graph.draft import Draft, Kit, Texts
from backends.comfyui_api.graph.families import FAMILIES
from backends.comfyui_api.graph.prompts import encoded
from backends.comfyui_api.graph.regions import spread
from backends.comfyui_api.graph.sheet import Link

_GUIDANCE = 3.5


def whole(draft: Draft, kit: Kit, positive: str, negative: str, *, follow: bool) -> Texts:
    """Prompts of the whole picture with its regions; with `follow` its ControlNets act too, and
    what it is shown.

    Raises Unbuildable.
    """
    texts = Texts(
        guided(draft, kit, spread(draft, kit, "Prompt", positive, negative=False)),
        spread(draft, kit, "Negative Prompt", negative, negative=True),
    )
    if not follow:
        return texts
    return controlled(draft, kit, _shown(draft, kit, texts))


def _shown(draft: Draft, kit: Kit, texts: Texts) -> Texts:
    """The prompts with the picture whose holes are to be filled."""
    if draft.shown is None:
        return texts
    image, mask = draft.shown
    placed = draft.sheet.add(
        "Mask Image",
        "InpaintModelConditioning",
        positive=texts.positive,
        negative=texts.negative,
        vae=kit.vae,
        pixels=image,
        mask=mask,
        noise_mask=True,
    )
    return Texts(placed.out("CONDITIONING", 0), placed.out("CONDITIONING", 1))


def plain(draft: Draft, kit: Kit, positive: str, negative: str) -> Texts:
    """Prompts of a part of the picture. Raises Unbuildable."""
    return Texts(
        guided(draft, kit, encoded(draft, kit, "Prompt", positive)),
        encoded(draft, kit, "Negative Prompt", negative),
    )


def guided(draft: Draft, kit: Kit, positive: Link) -> Link:
    """The prompt with the strength of guidance that some models take as an input. Raises Unbuildable."""
    family = FAMILIES.get(kit.family)
    asked = draft.work.extra.get("fluxguidancescale")
    if family is None or not family.guided or (asked is None and not draft.server.has("FluxGuidance")):
        return positive
    scale = _GUIDANCE if asked is None else float(asked)
    return draft.sheet.one(
        "Flux Guidance Scale", "FluxGuidance", "CONDITIONING", conditioning=positive, guidance=scale
    )
