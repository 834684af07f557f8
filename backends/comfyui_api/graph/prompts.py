"""A prompt read by the text encoder."""

from backends.comfyui_api.graph.draft import Draft, Kit
from backends.comfyui_api.graph.sheet import Link
from backends.comfyui_api.graph.spelling import sections, spelled

NEEDS = {"embeddings": (("CLIPTextEncode",),), "prompt_switching": (("KSamplerAdvanced",),)}


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
