"""UNets with cross attention: Stable Diffusion 1, 2 and XL, its refiner, and what was distilled from them."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from diffusers import LatentConsistencyModelPipeline

from backends.contract import ModelRef, Work
from backends.diffusers_local.denoisers.denoiser import Conditions
from backends.diffusers_local.families import Family
from backends.diffusers_local.features.residuals import residuals
from backends.diffusers_local.features.tiling import tiled
from backends.diffusers_local.loading.folders import ModelTrouble
from backends.diffusers_local.pictures.sizes import SizePlan
from backends.diffusers_local.prompts.encoding import Text
from backends.diffusers_local.row import Row
from backends.diffusers_local.samplers.schedules import Schedules

_MARKS = (2.5, 6.0)  # for beauty: of what is not wanted and of what is, as the stock pipeline's


def check(ref: ModelRef, family: Family, parts: Mapping[str, Any]) -> None:
    """Refuse UNets that need other conditions than the family's. Raises ModelTrouble."""
    unet, vae = parts["unet"], parts["vae"]
    latent = vae.config.latent_channels
    if unet.config.out_channels != latent or unet.config.in_channels not in (latent, 2 * latent + 1):
        raise ModelTrouble(
            f"The model {ref.name!r} takes {unet.config.in_channels} input channels where its latents have "
            f"{latent}: it is neither an ordinary model nor one for inpainting, and not drawn here."
        )
    if unet.config.addition_embed_type != family.addition or (
        family.pooled and not _takes_sizes(family, parts)
    ):
        raise ModelTrouble(
            f"The model {ref.name!r} wants other conditions beside the prompt than {family.name} does."
        )


def _takes_sizes(family: Family, parts: Mapping[str, Any]) -> bool:
    """Whether the denoiser takes a pooled vector and six numbers of sizes (a refiner takes five)."""
    unet, pooled = parts["unet"], parts[family.texts[-1].encoder].config.projection_dim
    expected: int = unet.add_embedding.linear_1.in_features
    return expected == pooled + (5 if family.scored else 6) * unet.config.addition_time_embed_dim


def make(family: Family, parts: Mapping[str, Any], schedules: Schedules) -> "UNetDenoiser":
    """The denoiser of checked parts."""
    return UNetDenoiser(family, parts["unet"], schedules)


def embeds_guidance(parts: Mapping[str, Any]) -> bool:
    """Whether a model's UNet takes the guidance scale itself: it needs no negative prompt and half the
    forward.
    """
    unet = parts.get("unet")
    return unet is not None and unet.config.time_cond_proj_dim is not None


class UNetDenoiser:
    """One UNet2DConditionModel."""

    def __init__(self, family: Family, unet: Any, schedules: Schedules) -> None:
        self._pooled = family.pooled
        self._scored = family.scored
        self._unet = unet
        reference = schedules.make("ddim", "normal")
        self._alphas = reference.alphas_cumprod.float()
        self.prediction: str = reference.config.prediction_type

    @property
    def channels(self) -> int:
        """Channels of the latents."""
        channels: int = self._unet.config.out_channels
        return channels

    def conditions(self, work: Work, texts: Sequence[Text], plan: SizePlan) -> Conditions:
        """With a pooled text vector: that, and where in a picture of which size the drawing lies (all of
        it). The guidance scale, where the UNet was trained to take it instead of being guided.
        """
        conditions = {}
        if (width := self._unet.config.time_cond_proj_dim) is not None:
            scale = torch.tensor(work.cfg_scale - 1).repeat(len(texts))
            # the stock pipeline's arithmetic, which makes no use of the pipeline
            embedded = LatentConsistencyModelPipeline.get_guidance_scale_embedding(None, scale, width)
            conditions["guidance"] = embedded.to(texts[0].states.device, texts[0].states.dtype)
        pooled = [text.pooled for text in texts if text.pooled is not None]
        if self._pooled and pooled:
            conditions["text_embeds"] = torch.cat(pooled)
            conditions["time_ids"] = self._places(plan, len(pooled)).to(pooled[0].device, pooled[0].dtype)
        return conditions

    def _places(self, plan: SizePlan, lines: int) -> torch.Tensor:
        """(lines, 6): height and width of the whole, where in it the drawing begins, and its own; (lines, 5)
        with the marks in place of the last two.
        """
        width, height = plan.drawn
        if not self._scored:
            return torch.tensor([[height, width, 0, 0, height, width]] * lines)
        return torch.tensor([[height, width, 0, 0, mark] for mark in _MARKS[-lines:]])

    def forward(
        self,
        sample: torch.Tensor,
        times: torch.Tensor,
        states: torch.Tensor,
        conditions: Conditions,
        rows: Sequence[Row],
    ) -> torch.Tensor:
        """One forward of the UNet, each line with its own time step."""
        added = {name: conditions[name] for name in ("text_embeds", "time_ids") if name in conditions}
        networks = [self._unet, *(control.part.network for control in rows[0].controls)]
        with tiled(networks, rows[0].tiling):
            # ControlNets know nothing of the channels for redrawing
            follow = residuals(rows, sample, times, states, conditions, added or None)
            if "inpaint" in conditions:
                sample = torch.cat([sample, conditions["inpaint"]], dim=1)
            said: torch.Tensor = self._unet(
                sample,
                times,
                encoder_hidden_states=states,
                timestep_cond=conditions.get("guidance"),
                added_cond_kwargs=added or None,
                down_block_additional_residuals=None if follow is None else follow[0],
                mid_block_additional_residual=None if follow is None else follow[1],
                return_dict=False,
            )[0]
        return said

    def clean(self, row: Row, given: torch.Tensor, said: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        """By the model's kind of prediction (noise, velocity or the sample itself)."""
        moment = min(len(self._alphas) - 1, max(0, round(float(time))))
        kept = float(self._alphas[moment])
        if self.prediction == "v_prediction":
            return given * kept**0.5 - said * (1 - kept) ** 0.5
        if self.prediction == "sample":
            return said.clone()
        return (given - said * (1 - kept) ** 0.5) / max(kept, 1e-4) ** 0.5
