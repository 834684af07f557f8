"""What denoisers that predict a velocity have in common: x = (1 - s) * picture + s * noise, and the answer is
noise - picture.
"""

from collections.abc import Sequence

import torch

from backends.diffusers_local.prompts.encoding import Text
from backends.diffusers_local.row import Row


def clean_of(row: Row, given: torch.Tensor, said: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
    """The picture's latents that the velocity `said` at the latents `given` points to."""
    level = float(time) / float(row.scheduler.config.num_train_timesteps)
    return given - level * said


def pooled_of(texts: Sequence[Text]) -> torch.Tensor:
    """The texts' pooled vectors, (texts, width)."""
    return torch.cat([text.pooled for text in texts if text.pooled is not None])
