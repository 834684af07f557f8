"""A small random Stable Diffusion XL, like the real one in everything but its widths."""

from typing import Any

import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from tests.backends.diffusers_local.conftest import TOKENS, WORDS, a_tokenizer

POOLED = 24


def a_text_encoder(kind: Any, width: int, layers: int) -> Any:
    """A random CLIP of this class."""
    return kind(
        CLIPTextConfig(
            vocab_size=len(WORDS),
            hidden_size=width,
            intermediate_size=2 * width,
            num_hidden_layers=layers,
            num_attention_heads=2,
            max_position_embeddings=TOKENS,
            projection_dim=POOLED,
            bos_token_id=1,
            eos_token_id=2,
            pad_token_id=2,
        )
    ).eval()


def build_xl(*, zero_empty: bool = True, **schedule: Any) -> StableDiffusionXLPipeline:
    """Two text encoders (widths 16 and 32), a pooled vector of 24, and a picture's size in six numbers."""
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=8,
        in_channels=4,
        out_channels=4,
        block_out_channels=(16, 32),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 2),
        cross_attention_dim=48,
        attention_head_dim=(2, 4),
        use_linear_projection=True,
        norm_num_groups=8,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=POOLED + 6 * 8,
    )
    vae = AutoencoderKL(
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        norm_num_groups=4,
        layers_per_block=1,
        scaling_factor=0.13025,
    )
    common = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
    pipeline = StableDiffusionXLPipeline(
        vae=vae.eval(),
        text_encoder=a_text_encoder(CLIPTextModel, 16, 3),
        text_encoder_2=a_text_encoder(CLIPTextModelWithProjection, 32, 4),
        tokenizer=a_tokenizer(),
        tokenizer_2=a_tokenizer(),
        unet=unet.eval(),
        scheduler=EulerDiscreteScheduler(
            **(common | {"steps_offset": 1, "timestep_spacing": "leading"} | schedule)
        ),
        force_zeros_for_empty_prompt=zero_empty,
        add_watermarker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
