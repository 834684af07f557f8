"""From the finished latents to the picture."""

from backends.comfyui_api.graph.draft import Draft
from backends.comfyui_api.graph.vae import decoded

ORDER = 115


def lay(draft: Draft) -> None:
    """Decode what was drawn, unless it is a picture already. Raises Unbuildable."""
    if draft.image is None:
        draft.image = decoded(draft, draft.kit, draft.latent)
