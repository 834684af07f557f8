"""The networks of the denoiser and the noise schedule they are trained and sampled with."""

from __future__ import annotations

from diffusers import DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from backends.diffusers_local.starter.latents import CHANNELS
from backends.diffusers_local.starter.vocabulary import BEGIN, END, MAX_TOKENS, PAD, TRAINED

TEXT_WIDTH = 160


def build_unet() -> UNet2DConditionModel:
    """The denoiser: two levels (8x8 and 4x4 cells for a square), text attention on both."""
    return UNet2DConditionModel(
        sample_size=8,
        in_channels=CHANNELS,
        out_channels=CHANNELS,
        block_out_channels=(80, 160),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=2,
        norm_num_groups=16,
    )


def build_text_encoder(vocabulary: int = len(TRAINED), attention: str = "eager") -> CLIPTextModel:
    """The text encoder; `vocabulary` is the number of embedding rows."""
    config = CLIPTextConfig(
        vocab_size=vocabulary,
        hidden_size=TEXT_WIDTH,
        intermediate_size=4 * TEXT_WIDTH,
        projection_dim=TEXT_WIDTH,
        num_hidden_layers=3,
        num_attention_heads=5,
        max_position_embeddings=MAX_TOKENS,
        bos_token_id=TRAINED[BEGIN],
        eos_token_id=TRAINED[END],
        pad_token_id=TRAINED[PAD],
    )
    config._attn_implementation = attention
    return CLIPTextModel(config)


def build_scheduler() -> DDIMScheduler:
    """The noise schedule: v-prediction, no signal left at the last step, trailing step spacing."""
    return DDIMScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        steps_offset=1,
        clip_sample=False,
        set_alpha_to_one=True,
    )
