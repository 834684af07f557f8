"""Redrawing under a mask: what the mask does not cover is put back at every step, and exactly at the end; a
UNet made for it is shown the mask and what lies around it instead.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL
from diffusers.utils.torch_utils import randn_tensor
from PIL import Image as Picture

from backends.contract import Work
from backends.diffusers_local.features.canvas import Canvas
from backends.diffusers_local.loading.gather import Kit
from backends.diffusers_local.loading.model import Model
from backends.diffusers_local.pictures import pictures
from backends.diffusers_local.pictures.latents import encode_pixels
from backends.diffusers_local.pictures.sizes import SizePlan
from backends.diffusers_local.samplers.walks import Walks

_BEHAVIOURS = {"differential": True, "simple latent": False}


@dataclass(slots=True, eq=False)
class Masked:
    """`where` (1, 1, h, w) is 1 where the picture is redrawn; `kept` and `noise` (1, channels, h, w) make
    the rest (`kept` None: the denoiser sees to it itself).

    With `gradual` what is grey in the mask is redrawn only from the step on that its grey stands for (source:
    "Differential Diffusion", 2023); a mask of black and white gives the same either way. `finish` puts the
    finished picture, of the result's size, into the original.
    """

    where: torch.Tensor
    kept: torch.Tensor | None
    noise: torch.Tensor
    finish: Callable[[Picture.Image], Picture.Image]
    gradual: bool = False

    def hold(
        self, latents: torch.Tensor, schedules: Walks, scheduler: Any, times: torch.Tensor, index: int
    ) -> torch.Tensor:
        """The latents after a step with the kept part as noisy as the next step (`index`) expects it."""
        kept = self.kept
        if kept is None:
            return latents
        if index < len(times):
            kept = schedules.noised(scheduler, kept, self.noise, times[index : index + 1])
        where = self._redrawn(times, index)
        held: torch.Tensor = (1 - where) * kept + where * latents
        return held.to(latents.dtype)

    def _redrawn(self, times: torch.Tensor, index: int) -> torch.Tensor:
        """(1, 1, h, w): 1 where the step `index` redraws, 0 elsewhere."""
        if not self.gradual:
            return self.where
        left = float(times[min(index, len(times) - 1)]) / max(float(times[0]), 1e-6)
        return ((self.where >= left) & (self.where > 0)).to(self.where.dtype)


def takes_mask(model: Model) -> bool:
    """Whether the model's UNet was made for redrawing: it takes the mask and the masked picture as further
    channels.
    """
    unet = model.parts.get("unet")
    return unet is not None and unet.config.in_channels == 2 * model.denoiser.channels + 1


def is_gradual(work: Work) -> bool:
    """Whether a soft mask is redrawn bit by bit (swarm-api: `maskbehavior`). Raises ValueError."""
    said = str(work.extra.get("maskbehavior", "Differential"))
    if said.lower() not in _BEHAVIOURS:
        raise ValueError(f"maskbehavior is {said!r}; it can be Differential or Simple Latent.")
    return _BEHAVIOURS[said.lower()]


def cover_mask(
    work: Work,
    kit: Kit,
    canvas: Canvas,
    kept: torch.Tensor | None,
    noise: torch.Tensor,
    draw: torch.Generator,
) -> Masked | None:
    """What is kept of the canvas; None when all of it is redrawn. Raises ValueError.

    The stock pipelines encode the masked picture for any model, and where `kept` is used make nothing of it;
    but the random numbers it costs are gone for the steps to come, so they are drawn here.
    """
    gradual = is_gradual(work)
    if canvas.mask is None:
        return None
    if kept is not None and isinstance(kit.vae, AutoencoderKL):
        randn_tensor(noise.shape, generator=draw, device=kit.model.device, dtype=kit.vae.dtype)
    levels = _levels(canvas.mask)
    where = _cells(levels if gradual else (levels >= 0.5).float(), kit.model, canvas.plan)
    return Masked(where, kept, noise, canvas.finish, gradual)


def show_mask(kit: Kit, canvas: Canvas | None, plan: SizePlan, draw: torch.Generator) -> torch.Tensor:
    """What a `takes_mask` model sees beside its latents: the mask and the encoded picture with nothing under
    it, (1, 1 + channels, h, w). Without a canvas or a mask everything is to be drawn.
    """
    width, height = plan.drawn
    if canvas is None or canvas.mask is None:
        levels = torch.ones(1, 1, height, width)
    else:
        levels = (_levels(canvas.mask) >= 0.5).float()
    start = Picture.new("RGB", plan.drawn) if canvas is None else canvas.start
    around = torch.from_numpy(pictures.as_floats(start)) * (levels < 0.5)
    return torch.cat([_cells(levels, kit.model, plan), encode_pixels(kit, around, draw)], dim=1)


def _levels(mask: Picture.Image) -> torch.Tensor:
    """(1, 1, height, width) in 0..1."""
    return torch.from_numpy(np.asarray(mask, dtype=np.float32) / 255)[None, None]


def _cells(levels: torch.Tensor, model: Model, plan: SizePlan) -> torch.Tensor:
    """A mask of the drawn size, one value a latent cell: the one at its corner, as in the stock pipelines."""
    width, height = plan.drawn
    cells = torch.nn.functional.interpolate(levels, size=(height // model.scale, width // model.scale))
    return cells.to(model.device, model.dtype)
