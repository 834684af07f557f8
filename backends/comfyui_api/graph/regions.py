"""Parts of the picture with prompts of their own: each prompt counts under a mask, the whole picture's prompt
everywhere with its own share.

Where several count, the server takes their average by strength, so that overlaps need no care. Masks have one
value a cell of the latents: they are shrunk to that anyway.
"""

from collections.abc import Sequence

from backends.comfyui_api.graph.draft import Draft, Kit
from backends.comfyui_api.graph.masks import solid
from backends.comfyui_api.graph.prompts import encoded
from backends.comfyui_api.graph.sheet import Link
from backends.contract import Region

NEEDS = {
    "regions": (
        (
            "ConditioningSetMask",
            "ConditioningCombine",
            "SolidMask",
            "MaskComposite",
            "InvertMask",
            "ImageCrop",
            "ImageCompositeMasked",
            "SetLatentNoiseMask",
        ),
    )
}

_CELL = 8
_SHARE = 0.5
_LEAST = 0.01
"""A share of nothing would leave parts where no prompt counts at all, and the server divides by it."""


def spread(draft: Draft, kit: Kit, param: str, text: str, *, negative: bool) -> Link:
    """The prompt of the whole picture with those of its regions. Raises Unbuildable."""
    everywhere = encoded(draft, kit, param, text)
    regions = [
        region
        for region in draft.work.regions
        if region.negative is negative and region.kind in ("region", "object") and region.strength
    ]
    behind = [r.prompt for r in draft.work.regions if r.negative is negative and r.kind == "background"]
    if not regions:
        return everywhere
    share = min(max(float(draft.work.extra.get("globalregionfactor", _SHARE)), _LEAST), 1 - _LEAST)
    masks = [_mask(draft, param, region) for region in regions]
    rest = _inverted(draft, param, _united(draft, param, masks))
    background = encoded(draft, kit, param, " ".join(behind)) if behind else everywhere
    made = _under(draft, param, background, rest, 1 - share)
    for region, mask in zip(regions, masks, strict=True):
        own = _under(draft, param, encoded(draft, kit, param, region.prompt), mask, 1 - share)
        made = _both(draft, param, made, own)
    full = solid(draft, param, 1.0, _cells(draft))
    return _both(draft, param, made, _under(draft, param, everywhere, full, share))


def _mask(draft: Draft, param: str, region: Region) -> Link:
    """Where a region counts; with a strength below 0 everywhere else."""
    wide, high = _cells(draft)
    left, top = min(wide - 1, int(region.x * wide)), min(high - 1, int(region.y * high))
    width = max(1, min(wide - left, round(region.width * wide)))
    height = max(1, min(high - top, round(region.height * high)))
    mask = draft.sheet.one(
        param,
        "MaskComposite",
        "MASK",
        destination=solid(draft, param, 0.0, (wide, high)),
        source=solid(draft, param, abs(region.strength), (width, height)),
        x=left,
        y=top,
        operation="add",
    )
    return _inverted(draft, param, mask) if region.strength < 0 else mask


def _united(draft: Draft, param: str, masks: Sequence[Link]) -> Link:
    first, *others = masks
    for other in others:
        first = draft.sheet.one(
            param, "MaskComposite", "MASK", destination=first, source=other, x=0, y=0, operation="add"
        )
    return first


def _inverted(draft: Draft, param: str, mask: Link) -> Link:
    return draft.sheet.one(param, "InvertMask", "MASK", mask=mask)


def _under(draft: Draft, param: str, text: Link, mask: Link, strength: float) -> Link:
    return draft.sheet.one(
        param,
        "ConditioningSetMask",
        "CONDITIONING",
        conditioning=text,
        mask=mask,
        strength=round(strength, 4),
        set_cond_area="default",
    )


def _both(draft: Draft, param: str, first: Link, second: Link) -> Link:
    return draft.sheet.one(
        param, "ConditioningCombine", "CONDITIONING", conditioning_1=first, conditioning_2=second
    )


def _cells(draft: Draft) -> tuple[int, int]:
    return draft.size[0] // _CELL, draft.size[1] // _CELL
