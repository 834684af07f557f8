"""The picture at exactly the size that was asked for: latents know multiples of their cells only."""

from backends.comfyui_api.graph.draft import Draft
from backends.comfyui_api.graph.start import scaled

ORDER = 180


def lay(draft: Draft) -> None:
    """Cut the picture to its size. Raises Unbuildable."""
    wanted = result_size(draft)
    if draft.image is not None and draft.size != wanted:
        draft.image = scaled(draft, "Width", draft.image, wanted)
        draft.size = wanted


def result_size(draft: Draft) -> tuple[int, int]:
    """(width, height) in pixels of the result."""
    work = draft.work
    if work.second is None or work.second.upscale == 1:
        return work.width, work.height
    return tuple(max(1, round(side * work.second.upscale)) for side in (work.width, work.height))  # type: ignore[return-value]
