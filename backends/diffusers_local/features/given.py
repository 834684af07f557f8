"""What a walk begins with that is not its work's own initial picture: the drawing of the pass before."""

from dataclasses import dataclass

import torch

from backends.diffusers_local.features.canvas import Canvas
from backends.diffusers_local.pictures.sizes import SizePlan


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """`plan` is the size to draw. `canvas` is the drawing as a picture, with what of it is redrawn.

    `latents` (1, channels, h, w) are it as latents without noise, where they need not be encoded anew;
    `walked` are latents as noisy as the walk's first step expects them. With none of these the walk begins
    with noise only.
    """

    plan: SizePlan
    canvas: Canvas | None = None
    latents: torch.Tensor | None = None
    walked: torch.Tensor | None = None

    @property
    def anew(self) -> bool:
        """Nothing was drawn before."""
        return self.canvas is None and self.latents is None and self.walked is None
