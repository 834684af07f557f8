"""The mask over the initial picture: placed like it, widened, softened, and the part around it cut out."""

import io

from PIL import Image, ImageOps

from backends.comfyui_api.graph.draft import Box, Draft
from backends.comfyui_api.graph.masks import blurred_mask
from backends.comfyui_api.graph.outcome import Unbuildable
from backends.comfyui_api.graph.sheet import Link
from backends.comfyui_api.graph.start import cropped, load_picture, scaled

ORDER = 64
NEEDS = {"inpainting": (("SetLatentNoiseMask", "ImageCompositeMasked", "LoadImageMask"),)}

_PARAM = "Mask Image"


def lay(draft: Draft) -> None:
    """Ready the mask, and cut out what is drawn. Raises Unbuildable."""
    if draft.work.mask is not None and draft.image is not None:
        mask = _given(draft, draft.work.mask)
        draft.mask = mask if draft.mask is None else _inside(draft, draft.mask, mask)
    if draft.mask is None or draft.image is None:
        return
    extra = draft.work.extra
    if grow := int(extra.get("maskgrow", 0)):
        draft.mask = draft.sheet.one(
            "Mask Grow", "GrowMask", "MASK", mask=draft.mask, expand=grow, tapered_corners=True
        )
    blur = float(extra.get("maskblur", 0))
    draft.mask = blurred_mask(draft, "Mask Blur", draft.mask, draft.size, blur)
    if draft.work.mask is None or "maskshrinkgrow" not in extra:
        return
    reach = round(float(extra["maskshrinkgrow"]) + grow + 2 * blur)
    draft.box = _bounds(draft, draft.work.mask, reach)
    if draft.box is not None:
        draft.cut = True
        draft.image = scaled(
            draft, "Mask Shrink Grow", cropped(draft, _PARAM, draft.image, draft.box), draft.size
        )


def under_box(draft: Draft, mask: Link) -> Link:
    """The part of the mask that is drawn, when only a part is. Raises Unbuildable."""
    if draft.box is None or not draft.cut:
        return mask
    left, top, right, bottom = draft.box
    return draft.sheet.one(
        "Mask Shrink Grow",
        "CropMask",
        "MASK",
        mask=mask,
        x=left,
        y=top,
        width=right - left,
        height=bottom - top,
    )


def _given(draft: Draft, data: bytes) -> Link:
    """The uploaded mask. It is cut like the initial picture; a server without the nodes for that stretches
    it, which is the same where both have the picture's shape."""
    if not draft.server.has("ImageToMask"):
        return draft.sheet.one(
            _PARAM, "LoadImageMask", "MASK", image=draft.upload("mask", data), channel="red"
        )
    picture = scaled(draft, _PARAM, load_picture(draft, _PARAM, "mask", data), draft.inner(), "bilinear")
    return draft.sheet.one(_PARAM, "ImageToMask", "MASK", image=picture, channel="red")


def _inside(draft: Draft, border: Link, mask: Link) -> Link:
    """The mask of the initial picture laid into that of the border around it."""
    left, top, _, _ = draft.borders
    return draft.sheet.one(
        _PARAM, "MaskComposite", "MASK", destination=border, source=mask, x=left, y=top, operation="add"
    )


def _bounds(draft: Draft, data: bytes, reach: int) -> Box | None:
    """The part that holds all of the mask and `reach` pixels around it, in the shape of the whole; None when
    that is the whole. Raises Unbuildable for an empty mask.
    """
    if any(draft.borders):
        return None  # the border goes around everything
    try:
        with Image.open(io.BytesIO(data)) as picture:
            found = ImageOps.fit(picture.convert("L"), draft.size).getbbox()
    except (OSError, Image.DecompressionBombError, ValueError) as trouble:
        raise Unbuildable(
            f"Invalid value for parameter {_PARAM}: it is no picture that can be read."
        ) from trouble
    if found is None:
        raise Unbuildable(
            f"Invalid value for parameter {_PARAM}: nothing in it is white where the picture is; mark "
            "what to redraw."
        )
    wide, high = draft.size
    left, top, right, bottom = found[0] - reach, found[1] - reach, found[2] + reach, found[3] + reach
    scale = max((right - left) / wide, (bottom - top) / high)
    if scale >= 1:
        return None
    width, height = max(1, round(wide * scale)), max(1, round(high * scale))
    x = min(max(0, (left + right - width) // 2), wide - width)
    y = min(max(0, (top + bottom - height) // 2), high - height)
    return x, y, x + width, y + height


def _refused(why: str) -> Unbuildable:
    return Unbuildable(f"Invalid value for parameter {_PARAM}: {why}")
