"""Finding what a text names in a picture: by words (CLIPSeg) or by a detector's classes (YOLO)."""

import re

from backends.comfyui_api.graph.draft import Draft
from backends.comfyui_api.graph.masks import blurred_mask
from backends.comfyui_api.graph.outcome import Unbuildable
from backends.comfyui_api.graph.sheet import Link, Value, lacking
from backends.contract import Region

_YOLO = "yolo-"
_INDEX = re.compile(r"(.+)-([0-9]{1,3})")

WORDS = ("SwarmClipSeg", "CLIPSeg")
"""Nodes that find what words name: SwarmUI's, and that of ComfyUI-CLIPSeg."""

DETECTOR = "SwarmYoloDetection"


def found(draft: Draft, image: Link, region: Region) -> Link:
    """The mask of what a region names, several parts of it put together; of a strength below 0 everything
    else. Raises Unbuildable.
    """
    names = [part.strip() for part in region.what.split("|") if part.strip()]
    first, *others = (_one(draft, image, region, name) for name in names or [region.what])
    for other in others:
        first = draft.sheet.one(
            "Prompt", "MaskComposite", "MASK", destination=first, source=other, x=0, y=0, operation="add"
        )
    return draft.sheet.one("Prompt", "InvertMask", "MASK", mask=first) if region.strength < 0 else first


def widened(draft: Draft, mask: Link, blur: float, grow: int) -> Link:
    """The mask softened and widened by so many pixels. Raises Unbuildable."""
    if blur > 0 and draft.server.has("SwarmMaskBlur"):
        mask = draft.sheet.one(
            "Segment Mask Blur",
            "SwarmMaskBlur",
            "MASK",
            mask=mask,
            blur_radius=max(1, round(blur)),
            sigma=1.0,
        )
    elif blur > 0:
        mask = blurred_mask(draft, "Segment Mask Blur", mask, draft.size, blur)
    if grow:
        mask = draft.sheet.one(
            "Segment Mask Grow", "GrowMask", "MASK", mask=mask, expand=grow, tapered_corners=True
        )
    return mask


def _one(draft: Draft, image: Link, region: Region, name: str) -> Link:
    sure = round(abs(region.strength), 2)
    if name.startswith(_YOLO):
        return _detected(draft, image, name.removeprefix(_YOLO), sure)
    for node, picture, words in zip(WORDS, ("images", "image"), ("match_text", "text"), strict=True):
        if draft.server.has(node):
            inputs: dict[str, Value] = {picture: image, words: name, "threshold": sure}
            return draft.sheet.one("Prompt", node, "MASK", **inputs)
    raise lacking("Prompt", *WORDS)


def _detected(draft: Draft, image: Link, name: str, sure: float) -> Link:
    if not draft.server.has(DETECTOR):
        raise lacking("Prompt", DETECTOR)
    name, _, classes = name.partition(":")
    spelling = draft.server.spelling(DETECTOR, "model_name", name)
    index = 0
    if spelling is None and (numbered := _INDEX.fullmatch(name)) is not None:
        name, index = numbered[1], int(numbered[2])
        spelling = draft.server.spelling(DETECTOR, "model_name", name)
    if spelling is None:
        raise Unbuildable(
            f"Invalid value for parameter Prompt: the ComfyUI server has no detector '{name}', which "
            "<segment:yolo-…> names; choose another, or put it there."
        )
    return draft.sheet.one(
        "Prompt",
        DETECTOR,
        "MASK",
        image=image,
        model_name=spelling,
        index=index,
        class_filter=classes.rstrip(":"),
        sort_order=str(draft.work.extra.get("segmentsortorder", "left-right")),
        threshold=0.25
        if sure > 0.999
        else sure,  # a threshold of all finds nothing; SwarmUI's users write it
    )
