"""What no mask covered is made exactly the initial picture again: decoding changes every pixel a little."""

from backends.comfyui_api.graph.back import composed
from backends.comfyui_api.graph.draft import Draft
from backends.comfyui_api.graph.sizes import cell_size
from backends.comfyui_api.graph.start import scaled

ORDER = 120


def lay(draft: Draft) -> None:
    """Lay the drawing over the original under the mask. Raises Unbuildable."""
    if draft.mask is None or draft.original is None or draft.image is None:
        return
    if draft.work.extra.get("initimagerecompositemask", True) is False:
        return
    original = draft.original
    if draft.size != cell_size(draft):
        original = scaled(draft, "Init Image", original, draft.size)
    draft.image = composed(draft, original, draft.image, draft.mask, 0, 0)
