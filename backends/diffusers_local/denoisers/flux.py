"""Flux's transformer. It takes the picture as a row of patches of two by two latent cells, with their places;
the step loop's latents stay a picture and are packed for each forward.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from backends.contract import ModelRef, Work
from backends.diffusers_local.denoisers.denoiser import Conditions
from backends.diffusers_local.denoisers.velocity import clean_of, pooled_of
from backends.diffusers_local.families import Family
from backends.diffusers_local.loading.weights import ModelTrouble
from backends.diffusers_local.pictures.sizes import SizePlan
from backends.diffusers_local.prompts.encoding import Text
from backends.diffusers_local.row import Row
from backends.diffusers_local.samplers.walks import Walks

_GUIDANCE = 3.5
"""Flux's own guidance where none is asked for: the stock pipeline's, and SwarmUI's (swarm-api §4.3)."""


def check(ref: ModelRef, family: Family, parts: Mapping[str, Any]) -> None:
    """Refuse transformers that take other channels or prompts than the family's. Raises ModelTrouble."""
    config, vae = parts["transformer"].config, parts["vae"].config
    if config.in_channels != 4 * vae.latent_channels:
        raise ModelTrouble(
            f"The model {ref.name!r} takes {config.in_channels} input channels where its latents make "
            f"{4 * vae.latent_channels}: it is a fill, depth or canny model, not drawn here."
        )
    clip, t5 = parts["text_encoder"].config, parts["text_encoder_2"].config
    if config.pooled_projection_dim != clip.hidden_size or config.joint_attention_dim != t5.d_model:
        raise ModelTrouble(
            f"The transformer of {ref.name!r} wants other text encoders than the ones that came with it."
        )


def make(family: Family, parts: Mapping[str, Any], schedules: Walks) -> "FluxDenoiser":
    """The denoiser of checked parts."""
    return FluxDenoiser(parts["transformer"])


class FluxDenoiser:
    """One FluxTransformer2DModel, with guidance of its own (dev) or without (schnell)."""

    prediction = "flow_prediction"

    def __init__(self, transformer: Any) -> None:
        self._transformer = transformer

    @property
    def channels(self) -> int:
        """Channels of the latents before they are packed."""
        channels: int = self._transformer.config.in_channels // 4
        return channels

    def conditions(self, work: Work, texts: Sequence[Text], plan: SizePlan) -> Conditions:
        """The pooled vectors, and dev's guidance (`fluxguidancescale`). Raises ValueError for no number."""
        pooled = pooled_of(texts)
        if not self._transformer.config.guidance_embeds:
            return {"pooled": pooled}
        scale = work.extra.get("fluxguidancescale", _GUIDANCE)
        if not isinstance(scale, int | float) or not math.isfinite(scale) or not 0 <= scale <= 100:
            raise ValueError(f"fluxguidancescale is {scale!r}; it is a number from 0 to 100.")
        guidance = torch.full((len(texts),), float(scale), device=pooled.device, dtype=torch.float32)
        return {"pooled": pooled, "guidance": guidance}

    def forward(
        self,
        sample: torch.Tensor,
        times: torch.Tensor,
        states: torch.Tensor,
        conditions: Conditions,
        rows: Sequence[Row],
    ) -> torch.Tensor:
        """One forward of the transformer, each line with its own time and guidance.

        Alone, a guided request asks for its two lines one after the other, as the stock pipeline does: two at
        once differ in the last bit.
        """
        if len(rows) > 1 or len(sample) == 1:
            return self._ask(sample, times, states, conditions)
        lines = range(len(sample))
        return torch.cat([self._ask(*_line(n, sample, times, states, conditions)) for n in lines])

    def _ask(
        self, sample: torch.Tensor, times: torch.Tensor, states: torch.Tensor, conditions: Conditions
    ) -> torch.Tensor:
        high, wide = sample.shape[-2:]
        said = self._transformer(
            hidden_states=pack(sample),
            timestep=times.to(sample.dtype) / 1000,
            guidance=conditions.get("guidance"),
            pooled_projections=conditions["pooled"],
            encoder_hidden_states=states,
            txt_ids=torch.zeros(states.shape[1], 3, device=states.device, dtype=states.dtype),
            img_ids=_places(high // 2, wide // 2).to(sample.device, states.dtype),
            return_dict=False,
        )[0]
        return unpack(said, high, wide)

    def clean(self, row: Row, given: torch.Tensor, said: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        """Where the straight line ends."""
        return clean_of(row, given, said, time)


def _line(
    number: int, sample: torch.Tensor, times: torch.Tensor, states: torch.Tensor, conditions: Conditions
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, Conditions]:
    """One line of what goes into a forward."""
    one = slice(number, number + 1)
    return sample[one], times[one], states[one], {name: tensor[one] for name, tensor in conditions.items()}


def pack(latents: torch.Tensor) -> torch.Tensor:
    """(n, channels, h, w) -> (n, h/2 * w/2, channels * 4): each patch of 2x2 cells a token, left to right,
    then down.
    """
    count, channels, high, wide = latents.shape
    patches = latents.view(count, channels, high // 2, 2, wide // 2, 2).permute(0, 2, 4, 1, 3, 5)
    return patches.reshape(count, (high // 2) * (wide // 2), channels * 4)


def unpack(tokens: torch.Tensor, high: int, wide: int) -> torch.Tensor:
    """The other way round, for latents of `high` x `wide` cells."""
    count, _, width = tokens.shape
    patches = tokens.view(count, high // 2, wide // 2, width // 4, 2, 2).permute(0, 3, 1, 4, 2, 5)
    return patches.reshape(count, width // 4, high, wide)


def _places(high: int, wide: int) -> torch.Tensor:
    """Each patch's place (high * wide, 3): 0, its row, its column."""
    places = torch.zeros(high, wide, 3)
    places[..., 1] = torch.arange(high)[:, None]
    places[..., 2] = torch.arange(wide)[None, :]
    return places.reshape(high * wide, 3)
