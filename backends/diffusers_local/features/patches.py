"""Redrawing a large picture in overlapping patches, each of a size its model is good at.

At every step each patch is asked for alone and the answers fade into each other; the walk is still one walk
over the whole. Source: "MultiDiffusion", 2023, section 4; swarm-api, `refinerdotiling`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from backends.diffusers_local.pictures.tiles import Span, spans

_SIDE, _OVERLAP = 768, 192  # pixels

Ask = Callable[[torch.Tensor, Mapping[str, torch.Tensor]], torch.Tensor]
"""From a sample (n, channels, h, w) and its conditions to the denoiser's answer of the same shape."""


@dataclass(frozen=True, slots=True)
class Patch:
    """One patch, in latent cells."""

    down: Span
    across: Span

    def of(self, whole: torch.Tensor, height: int) -> torch.Tensor:
        """The patch of (n, channels, h * k, w * k), where the latents are `height` = h cells high."""
        finer = whole.shape[-2] // height
        rows, columns = (slice(span.start * finer, span.stop * finer) for span in (self.down, self.across))
        return whole[:, :, rows, columns]

    def fades(self, like: torch.Tensor) -> torch.Tensor:
        """(h, w): how much each cell of the patch counts."""
        down, across = (torch.from_numpy(span.weights) for span in (self.down, self.across))
        return (down[:, None] * across[None, :]).to(like.device, like.dtype)


Patches = tuple[Patch, ...]


def patches_for(drawn: tuple[int, int], scale: int, multiple: int) -> Patches:
    """The patches of a picture of `drawn` (width, height) pixels, `scale` a latent cell, each a multiple of
    `multiple` pixels; none when it is no larger than one.
    """
    side, overlap = (pixels // (4 * multiple) * 4 * multiple // scale for pixels in (_SIDE, _OVERLAP))
    width, height = drawn[0] // scale, drawn[1] // scale
    if max(width, height) <= side:
        return ()
    columns = spans(width, side, overlap)
    return tuple(Patch(down, across) for down in spans(height, side, overlap) for across in columns)


def ask_in_patches(
    patches: Patches, ask: Ask, sample: torch.Tensor, conditions: Mapping[str, torch.Tensor]
) -> torch.Tensor:
    """The answer (n, channels, h, w) to a whole sample, patch by patch. Conditions that are pictures are cut
    as the sample is.
    """
    height = sample.shape[-2]
    answer = torch.zeros_like(sample)
    for patch in patches:
        seen = {
            name: patch.of(given, height) if given.dim() == 4 else given for name, given in conditions.items()
        }
        said = ask(patch.of(sample, height), seen)
        patch.of(answer, height).add_(said * patch.fades(said))
    return answer
