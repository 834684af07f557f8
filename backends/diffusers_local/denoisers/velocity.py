"""What denoisers that predict a velocity have in common: x = (1 - s) * picture + s * noise, and the answer is
noise - picture.
"""

from collections.abc import Sequence

import torch

from backends.contract import Work
from backends.diffusers_local.families import Family
from backends.diffusers_local.features.tiling import tiling_of
from backends.diffusers_local.prompts.encoding import Text
from backends.diffusers_local.row import Row


def clean_of(row: Row, given: torch.Tensor, said: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
    """The picture's latents that the velocity `said` at the latents `given` points to."""
    level = float(time) / float(row.scheduler.config.num_train_timesteps)
    return given - level * said


def pooled_of(texts: Sequence[Text]) -> torch.Tensor:
    """The texts' pooled vectors, (texts, width)."""
    return torch.cat([text.pooled for text in texts if text.pooled is not None])


def refuse_foreign(work: Work, family: Family) -> None:
    """Raise ValueError for what only convolutions can do."""
    if tiling_of(work):
        raise ValueError(
            f"Seamless tiling is not drawn with {family.name}: its denoiser knows every patch by its place. "
            "Switch seamlesstileable off, or choose a Stable Diffusion 1, 2 or XL model."
        )
