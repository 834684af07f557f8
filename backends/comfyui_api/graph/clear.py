"""Making transparent what a text names in the finished picture."""

from backends.comfyui_api.graph.draft import Draft
from backends.comfyui_api.graph.finding import WORDS, found, widened

ORDER = 190
NEEDS = {"clear": tuple((node, "JoinImageWithAlpha") for node in WORDS)}

_SOFT = 10.0


def lay(draft: Draft) -> None:
    """Make each named thing transparent. Raises Unbuildable."""
    if draft.image is None:
        return
    wanted = [region for region in draft.work.regions if region.kind == "clear" and not region.negative]
    if not wanted:
        return
    image, sheet = draft.image, draft.sheet
    first, *others = (widened(draft, found(draft, image, region), _SOFT, 0) for region in wanted)
    for other in others:
        first = sheet.one(
            "Prompt", "MaskComposite", "MASK", destination=first, source=other, x=0, y=0, operation="add"
        )
    draft.image = sheet.one("Prompt", "JoinImageWithAlpha", "IMAGE", image=image, alpha=first)
