"""What the first pass begins with: nothing, or the initial picture, cut to size, perhaps with a border."""

from backends.comfyui_api.graph.draft import Box, Draft, Size
from backends.comfyui_api.graph.outcome import Unbuildable
from backends.comfyui_api.graph.sheet import Link

ORDER = 60


def lay(draft: Draft) -> None:
    """Load the initial picture. Raises Unbuildable."""
    work = draft.work
    if work.init_image is None:
        return
    picture = load_picture(draft, "Init Image", "start", work.init_image)
    draft.original = draft.image = scaled(draft, "Init Image", picture, draft.inner())
    draft.start_at = work.steps - round(work.steps * work.strength)


def load_picture(draft: Draft, param: str, what: str, data: bytes) -> Link:
    """An uploaded picture. Raises Unbuildable."""
    return draft.sheet.one(param, "LoadImage", "IMAGE", image=draft.upload(what, data))


def scaled(
    draft: Draft, param: str, image: Link, size: Size, method: str = "lanczos", crop: str = "center"
) -> Link:
    """The picture at exactly this size; what stands over in one direction is cut off at both sides alike,
    unless `crop` is "disabled".

    Raises Unbuildable.
    """
    return draft.sheet.one(
        param,
        "ImageScale",
        "IMAGE",
        image=image,
        upscale_method=resampling(draft, "ImageScale", param, method),
        width=size[0],
        height=size[1],
        crop=crop,
    )


def cropped(draft: Draft, param: str, image: Link, box: Box) -> Link:
    """The part of the picture in the box. Raises Unbuildable."""
    left, top, right, bottom = box
    return draft.sheet.one(
        param, "ImageCrop", "IMAGE", image=image, width=right - left, height=bottom - top, x=left, y=top
    )


def resampling(draft: Draft, node: str, param: str, wanted: str) -> str:
    """A way of resizing that the node knows: the wanted one, else the best of its own. Raises Unbuildable."""
    known = draft.server.choices(node, "upscale_method")
    found = next((name for name in (wanted, "lanczos", "bicubic", "bilinear") if name in known), None)
    if found is None:
        raise Unbuildable(
            f"Invalid value for parameter {param}: the ComfyUI server's node {node} names no way of resizing "
            "that this hub knows; leave the parameter out, or choose another engine."
        )
    return found
