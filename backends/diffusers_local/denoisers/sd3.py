"""Stable Diffusion 3's transformer: one prompt and one pooled vector a line, each line at its own time."""

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


def check(ref: ModelRef, family: Family, parts: Mapping[str, Any]) -> None:
    """Refuse transformers that take other channels or prompts than the family's. Raises ModelTrouble."""
    config, vae = parts["transformer"].config, parts["vae"].config
    if config.in_channels != vae.latent_channels:
        raise ModelTrouble(
            f"The model {ref.name!r} takes {config.in_channels} input channels where its latents have "
            f"{vae.latent_channels}: it is an inpainting or control model, not drawn here."
        )
    pooled = sum(parts[part.encoder].config.projection_dim for part in family.texts)
    t5 = parts["text_encoder_3"]
    if config.pooled_projection_dim != pooled or (
        t5 is not None and t5.config.d_model != config.joint_attention_dim
    ):
        raise ModelTrouble(
            f"The transformer of {ref.name!r} wants other text encoders than the ones that came with it."
        )


def make(family: Family, parts: Mapping[str, Any], schedules: Walks) -> "SD3Denoiser":
    """The denoiser of checked parts."""
    return SD3Denoiser(parts["transformer"], 2 ** (len(parts["vae"].config.block_out_channels) - 1))


class SD3Denoiser:
    """One SD3Transformer2DModel. `scale` is pixels a latent cell."""

    prediction = "flow_prediction"

    def __init__(self, transformer: Any, scale: int) -> None:
        self._transformer = transformer
        self._scale = scale

    @property
    def channels(self) -> int:
        """Channels of the latents."""
        channels: int = self._transformer.config.in_channels
        return channels

    def conditions(self, work: Work, texts: Sequence[Text], plan: SizePlan) -> Conditions:
        """The pooled vectors. Raises ValueError for pictures beyond the transformer's map of places."""
        most = self._transformer.config.pos_embed_max_size * self._transformer.config.patch_size * self._scale
        if max(plan.drawn) > most:
            raise ValueError(
                f"This model draws at most {most} pixels along a side; {plan.drawn[0]}x{plan.drawn[1]} were "
                "asked for."
            )
        return {"pooled": pooled_of(texts)}

    def forward(
        self,
        sample: torch.Tensor,
        times: torch.Tensor,
        states: torch.Tensor,
        conditions: Conditions,
        rows: Sequence[Row],
    ) -> torch.Tensor:
        """One forward of the transformer, each line with its own time."""
        said: torch.Tensor = self._transformer(
            hidden_states=sample,
            timestep=times,
            encoder_hidden_states=states,
            pooled_projections=conditions["pooled"],
            return_dict=False,
        )[0]
        return said

    def clean(self, row: Row, given: torch.Tensor, said: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        """Where the straight line ends."""
        return clean_of(row, given, said, time)
