"""The picture at exactly the size that was asked for."""

from backends.comfyui_api.graph.draft import Draft
from backends.comfyui_api.graph.sizes import result_size
from backends.comfyui_api.graph.start import scaled

ORDER = 180


def lay(draft: Draft) -> None:
    """Cut the picture to its size. Raises Unbuildable."""
    wanted = result_size(draft)
    if draft.image is not None and draft.size != wanted:
        draft.image = scaled(draft, "Width", draft.image, wanted)
        draft.size = wanted
