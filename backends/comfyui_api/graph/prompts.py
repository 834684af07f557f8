"""Both prompts, read by the text encoder."""

from backends.comfyui_api.graph.draft import Draft, Kit, Texts
from backends.comfyui_api.graph.families import FAMILIES
from backends.comfyui_api.graph.sheet import Link
from backends.comfyui_api.graph.spelling import sections, spelled

ORDER = 50
NEEDS: dict[str, tuple[str, ...]] = {"embeddings": ()}

_GUIDANCE = 3.5


def lay(draft: Draft) -> None:
    """Read the work's prompts. Raises Unbuildable."""
    draft.texts = read(draft, draft.kit, draft.work.prompt, draft.work.negative_prompt)


def read(draft: Draft, kit: Kit, positive: str, negative: str) -> Texts:
    """The prompts as a sampler takes them. Raises Unbuildable."""
    return Texts(
        guided(draft, kit, encoded(draft, kit, "Prompt", positive)),
        encoded(draft, kit, "Negative Prompt", negative),
    )


def encoded(draft: Draft, kit: Kit, param: str, prompt: str) -> Link:
    """A prompt read window by window: what stands between breaks is read for itself and then joined.

    Raises Unbuildable.
    """
    first, *others = (
        draft.sheet.one(
            param, "CLIPTextEncode", "CONDITIONING", clip=kit.clip, text=spelled(text, draft.server)
        )
        for text in sections(prompt)
    )
    for other in others:
        first = draft.sheet.one(
            param, "ConditioningConcat", "CONDITIONING", conditioning_to=first, conditioning_from=other
        )
    return first


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
