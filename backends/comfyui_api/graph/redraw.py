"""A part of a finished picture drawn anew: cut out, enlarged, drawn, and laid back with soft edges."""

from msgspec import Struct

from backends.comfyui_api.graph.draft import Box, Draft, Kit, Size
from backends.comfyui_api.graph.sample import Walk, walked
from backends.comfyui_api.graph.sheet import Link, Value
from backends.comfyui_api.graph.sizes import to_cells
from backends.comfyui_api.graph.start import cropped, scaled
from backends.comfyui_api.graph.vae import decoded, encoded

_SEEDS = 1 << 63


class Anew(Struct, frozen=True):
    """How a part is drawn anew: with which prompts, how much of it, in which steps, and the number by which
    its seed is above the work's."""

    param: str
    positive: str
    negative: str
    creativity: float
    steps: int
    cfg: float
    seed: int

    @property
    def start(self) -> int:
        """The step it begins with."""
        return self.steps - round(self.steps * self.creativity)


def picture_of(draft: Draft) -> Link:
    """What has been drawn so far as a picture. Raises Unbuildable."""
    if draft.image is None:
        draft.image = decoded(draft, draft.kit, draft.latent)
    return draft.image


def in_box(draft: Draft, kit: Kit, image: Link, mask: Link, box: Box, anew: Anew) -> Link:
    """The picture with the part in the box drawn anew under the mask of that part. Raises Unbuildable."""
    left, top, right, bottom = box
    size = _drawn((right - left, bottom - top), draft.size, kit.cell)
    part = scaled(draft, anew.param, cropped(draft, anew.param, image, box), size, crop="disabled")
    drawn = _drawn_anew(draft, kit, part, mask, anew, whole=False)
    drawn = scaled(draft, anew.param, drawn, (right - left, bottom - top), crop="disabled")
    return laid(draft, anew.param, image, drawn, mask, left, top)


def all_of_it(draft: Draft, kit: Kit, image: Link, mask: Link | None, anew: Anew) -> Link:
    """The picture drawn anew under a mask of all of it, or everywhere. Raises Unbuildable."""
    drawn = _drawn_anew(draft, kit, image, mask, anew, whole=mask is None)
    return drawn if mask is None else laid(draft, anew.param, image, drawn, mask, 0, 0)


def laid(
    draft: Draft, param: str, below: Link, above: Link, mask: Link, x: int | Link, y: int | Link
) -> Link:
    """One picture over another under a mask. Raises Unbuildable."""
    inputs: dict[str, Value] = {"destination": below, "source": above, "x": x, "y": y, "mask": mask}
    return draft.sheet.one(param, "ImageCompositeMasked", "IMAGE", resize_source=False, **inputs)


def _drawn_anew(draft: Draft, kit: Kit, part: Link, mask: Link | None, anew: Anew, *, whole: bool) -> Link:
    latent = encoded(draft, kit, part)
    if mask is not None:
        latent = draft.sheet.one(anew.param, "SetLatentNoiseMask", "LATENT", samples=latent, mask=mask)
    work = draft.work
    walk = Walk(
        anew.steps,
        anew.cfg,
        work.sampler,
        work.scheduler,
        (work.seed + anew.seed) % _SEEDS,
        anew.positive,
        anew.negative,
        anew.start,
        whole=whole,
    )
    return decoded(draft, kit, walked(draft, kit, latent, walk))


def _drawn(part: Size, whole: Size, cell: int) -> Size:
    """The size a part is drawn at: its shape, as many pixels as the whole picture has, in cells."""
    times = ((whole[0] * whole[1]) / (part[0] * part[1])) ** 0.5
    return to_cells((max(1, round(part[0] * times)), max(1, round(part[1] * times))), cell)
