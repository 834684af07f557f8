"""Redrawing under a mask: what the mask does not cover is put back at every step, and exactly at the end."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image as Picture
from PIL import ImageFilter

from backends.contract import Work
from backends.diffusers_local.loading.model import Model
from backends.diffusers_local.pictures import pictures
from backends.diffusers_local.pictures.sizes import SizePlan

_BLUR = 4.0  # pixels, SwarmUI's default of `maskblur`


@dataclass(slots=True, eq=False)
class Masked:
    """`where` (1, 1, h, w) is 1 where the picture is redrawn; `kept` and `noise` (1, channels, h, w) make
    the rest.

    `original` and `soft` (the blurred mask) have the result's size.
    """

    where: torch.Tensor
    kept: torch.Tensor
    noise: torch.Tensor
    original: Picture.Image
    soft: Picture.Image

    def hold(self, latents: torch.Tensor, scheduler: Any, times: torch.Tensor, index: int) -> torch.Tensor:
        """The latents after a step with the kept part as noisy as the next step (`index`) expects it."""
        kept = self.kept
        if index < len(times):
            kept = scheduler.add_noise(kept, self.noise, times[index : index + 1])
        held: torch.Tensor = (1 - self.where) * kept + self.where * latents
        return held.to(latents.dtype)

    def finish(self, picture: Picture.Image) -> Picture.Image:
        """The drawing where the mask is, the original elsewhere."""
        return Picture.composite(picture, self.original, self.soft)


def cover_mask(
    work: Work, model: Model, plan: SizePlan, kept: torch.Tensor, noise: torch.Tensor
) -> Masked | None:
    """The work's mask over its initial picture; None when it has none. White is redrawn.

    Raises ValueError for a file that is no picture.
    """
    if work.mask is None or work.init_image is None:
        return None
    mask = pictures.open_picture(work.mask)
    cells = (
        pictures.place_start(mask, plan)
        .convert("L")
        .resize((plan.drawn[0] // model.scale, plan.drawn[1] // model.scale), Picture.Resampling.BOX)
    )
    where = torch.from_numpy(np.asarray(cells, dtype=np.float32) / 255)[None, None]
    blur = max(0.0, float(work.extra.get("maskblur", _BLUR)))
    return Masked(
        where=where.to(model.device, model.dtype),
        kept=kept,
        noise=noise,
        original=pictures.cover(pictures.open_picture(work.init_image), plan.wanted),
        soft=pictures.cover(mask, plan.wanted).convert("L").filter(ImageFilter.GaussianBlur(blur)),
    )
