"""Segments that are drawn anew before the second pass."""

from backends.comfyui_api.graph.draft import Draft
from backends.comfyui_api.graph.segments import after_first, refine

ORDER = 95


def lay(draft: Draft) -> None:
    """Draw segments anew now where the work asks. Raises Unbuildable."""
    if after_first(draft):
        refine(draft)
