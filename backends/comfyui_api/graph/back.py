"""A part that was drawn alone goes back into the whole picture."""

from backends.comfyui_api.graph.draft import Draft
from backends.comfyui_api.graph.sheet import Link
from backends.comfyui_api.graph.start import scaled
from backends.comfyui_api.graph.vae import decoded

ORDER = 85


def lay(draft: Draft) -> None:
    """Put a part that was drawn alone back into its place. Raises Unbuildable."""
    if not draft.cut or draft.box is None or draft.original is None or draft.mask is None:
        return
    left, top, right, bottom = draft.box
    drawn = draft.image if draft.image is not None else decoded(draft, draft.kit, draft.latent)
    part = scaled(draft, "Mask Shrink Grow", drawn, (right - left, bottom - top))
    draft.image = composed(draft, draft.original, part, None, left, top)  # masked at the end, and once
    draft.cut = False
    if draft.shown is not None:
        draft.shown = draft.original, draft.mask


def composed(draft: Draft, below: Link, above: Link, mask: Link | None, x: int, y: int) -> Link:
    """One picture over another where the mask says. Raises Unbuildable."""
    inputs = {} if mask is None else {"mask": mask}
    return draft.sheet.one(
        "Mask Image",
        "ImageCompositeMasked",
        "IMAGE",
        destination=below,
        source=above,
        x=x,
        y=y,
        resize_source=False,
        **inputs,
    )
