"""Outpainting: the initial picture lies inside a larger one, and the border around it is drawn.

The border begins with the picture's own colours, stretched and blurred: a grey one would shine through
wherever less than everything is redrawn.
"""

from backends.comfyui_api.graph.draft import Draft, Size
from backends.comfyui_api.graph.masks import blurred_picture, solid
from backends.comfyui_api.graph.outcome import Unbuildable
from backends.comfyui_api.graph.sheet import Link
from backends.comfyui_api.graph.start import scaled

ORDER = 62
NEEDS = {"outpainting": (("ImageCompositeMasked", "SolidMask", "MaskComposite", "SetLatentNoiseMask"),)}

_OVERLAP = 8  # pixels: a blurred seam still covers the picture's edge


def lay(draft: Draft) -> None:
    """Lay the border around the initial picture and mask it. Raises Unbuildable."""
    if not any(draft.borders) or draft.image is None:
        return
    inner = draft.inner()
    if min(inner) < 1:
        raise Unbuildable(
            "Invalid value for parameter Outpaint Left: the borders leave no room for the Init Image; ask "
            "for smaller ones, or a larger picture."
        )
    left, top, _, _ = draft.borders
    stretched = scaled(draft, _param(draft), draft.image, draft.size, "bilinear", "disabled")
    if draft.server.has("ImageBlur"):
        stretched = blurred_picture(draft, _param(draft), stretched, draft.size, 10)
    draft.image = draft.original = draft.sheet.one(
        _param(draft),
        "ImageCompositeMasked",
        "IMAGE",
        destination=stretched,
        source=draft.image,
        x=left,
        y=top,
        resize_source=False,
    )
    draft.mask = _around(draft, inner)


def _param(draft: Draft) -> str:
    """The first parameter that asks for a border."""
    sides = zip(("Left", "Top", "Right", "Bottom"), draft.borders, strict=True)
    return next((f"Outpaint {side}" for side, pixels in sides if pixels), "Outpaint Left")


def _around(draft: Draft, inner: Size) -> Link:
    """1 where the border is and a little into the picture, 0 elsewhere."""
    reach = min(_OVERLAP, min(inner) // 4)
    left, top, right, bottom = (side and side + reach for side in draft.borders)
    width, height = draft.size[0] - left - right, draft.size[1] - top - bottom
    return draft.sheet.one(
        _param(draft),
        "MaskComposite",
        "MASK",
        destination=solid(draft, _param(draft), 1.0, draft.size),
        source=solid(draft, _param(draft), 0.0, (width, height)),
        x=left,
        y=top,
        operation="multiply",
    )
