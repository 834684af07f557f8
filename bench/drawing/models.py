"""The models that are drawn with: the starter, and a mid-size one of random numbers."""

from pathlib import Path
from typing import Any

from backends.contract import ModelRef

STARTER = Path(__file__).resolve().parents[2] / "backends" / "diffusers_local" / "starter" / "weights"


def starter() -> ModelRef:
    """The shipped model, for any size instead of only those it draws well: what counts here is time."""
    return ModelRef("starter", str(STARTER))


def mid_size(folder: Path) -> ModelRef:
    """A Stable Diffusion with a UNet of 71 million random numbers, 4 latent channels of 8 x 8 pixels a cell,
    and a small autoencoder and text encoder; written into `folder`.
    """
    pipeline = _random_pipeline()
    pipeline.save_pretrained(folder / "mid-size")
    return ModelRef("mid-size", str(folder / "mid-size"))


def _random_pipeline() -> Any:
    import torch
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import AutoTokenizer, CLIPTextConfig, CLIPTextModel

    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(STARTER / "tokenizer", local_files_only=True)
    text = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=256,
        intermediate_size=1024,
        num_hidden_layers=4,
        num_attention_heads=4,
        max_position_embeddings=tokenizer.model_max_length,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return StableDiffusionPipeline(
        vae=AutoencoderKL(
            block_out_channels=(16, 32, 32, 32),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            latent_channels=4,
            norm_num_groups=8,
        ),
        text_encoder=CLIPTextModel(text),
        tokenizer=tokenizer,
        unet=UNet2DConditionModel(
            sample_size=32,
            block_out_channels=(96, 192, 384),
            layers_per_block=2,
            down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
            cross_attention_dim=256,
            attention_head_dim=6,
            norm_num_groups=32,
        ),
        scheduler=DDIMScheduler(
            beta_schedule="scaled_linear",
            beta_start=0.00085,
            beta_end=0.012,
            clip_sample=False,
            steps_offset=1,
            set_alpha_to_one=False,
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
