"""Sizes of what is drawn: latents know multiples of their cells only."""

from backends.comfyui_api.graph.draft import Draft, Size


def result_size(draft: Draft) -> Size:
    """(width, height) in pixels of the result."""
    work, times = draft.work, 1.0 if draft.work.second is None else draft.work.second.upscale
    return max(1, round(work.width * times)), max(1, round(work.height * times))


def cell_size(draft: Draft) -> Size:
    """(width, height) in pixels of the first pass."""
    return to_cells((draft.work.width, draft.work.height), draft.cell)


def to_cells(size: Size, cell: int) -> Size:
    """The size, up to whole cells."""
    return -(-size[0] // cell) * cell, -(-size[1] // cell) * cell
