"""Masks of one value, and soft edges: the server blurs over 10 pixels, over a smaller picture more."""

from math import ceil

from backends.comfyui_api.graph.draft import Draft, Size
from backends.comfyui_api.graph.sheet import Link
from backends.comfyui_api.graph.start import scaled

_MOST = 10.0


def solid(draft: Draft, param: str, value: float, size: Size) -> Link:
    """A mask of one value. Raises Unbuildable."""
    return draft.sheet.one(param, "SolidMask", "MASK", value=value, width=size[0], height=size[1])


def blurred_mask(draft: Draft, param: str, mask: Link, size: Size, pixels: float) -> Link:
    """A mask of this size with edges blurred over so many pixels. Raises Unbuildable."""
    if pixels <= 0:
        return mask
    picture = draft.sheet.one(param, "MaskToImage", "IMAGE", mask=mask)
    picture = blurred_picture(draft, param, picture, size, pixels)
    return draft.sheet.one(param, "ImageToMask", "MASK", image=picture, channel="red")


def blurred_picture(draft: Draft, param: str, picture: Link, size: Size, pixels: float) -> Link:
    """A picture of this size, blurred over so many pixels. Raises Unbuildable."""
    times = ceil(pixels / _MOST)
    sigma = round(pixels / times, 2)
    small = (max(1, size[0] // times), max(1, size[1] // times))
    # the node mirrors so much at the edges, and fails where the picture is not larger than that
    radius = min(31, ceil(2 * sigma), min(small) - 1)
    if radius < 1:
        return picture
    if times > 1:
        picture = scaled(draft, param, picture, small, "bilinear", "disabled")
    picture = draft.sheet.one(param, "ImageBlur", "IMAGE", image=picture, blur_radius=radius, sigma=sigma)
    return scaled(draft, param, picture, size, "bilinear", "disabled") if times > 1 else picture
