"""Small random Stable Diffusion 3 and Flux models, like the real ones in everything but their widths."""

from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    FlowMatchEulerDiscreteScheduler,
    FluxPipeline,
    FluxTransformer2DModel,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
)
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    PreTrainedTokenizerFast,
    T5Config,
    T5EncoderModel,
)

from tests.backends.diffusers_local.conftest import TOKENS, WORDS, a_tokenizer

T5_WIDTH = 64
CHANNELS = 16


def a_long_tokenizer() -> PreTrainedTokenizerFast:
    """Whole words with an end and no begin, as T5 has them."""
    words = ("<pad>", "</s>", "<unk>", *WORDS[3:], "far", "away")
    inner = Tokenizer(models.WordLevel({word: n for n, word in enumerate(words)}, unk_token="<unk>"))
    inner.normalizer = normalizers.Lowercase()
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    inner.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        unk_token="<unk>",
        eos_token="</s>",
        pad_token="<pad>",
        model_max_length=512,
    )


def a_t5() -> T5EncoderModel:
    """A random T5 encoder of one layer."""
    config = T5Config(
        vocab_size=16,
        d_model=T5_WIDTH,
        d_kv=16,
        d_ff=64,
        num_layers=1,
        num_heads=2,
        feed_forward_proj="gated-gelu",
    )
    return T5EncoderModel(config).eval()


def a_clip(kind: Any, width: int, projection: int) -> Any:
    """A random CLIP of this class."""
    return kind(
        CLIPTextConfig(
            vocab_size=len(WORDS),
            hidden_size=width,
            intermediate_size=2 * width,
            num_hidden_layers=3,
            num_attention_heads=2,
            max_position_embeddings=TOKENS,
            projection_dim=projection,
            bos_token_id=1,
            eos_token_id=2,
            pad_token_id=2,
        )
    ).eval()


def a_vae(shift: float, scaling: float) -> AutoencoderKL:
    """16 latent channels, 8 pixels a cell, no convolutions around the latents."""
    return AutoencoderKL(
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=CHANNELS,
        norm_num_groups=4,
        layers_per_block=1,
        shift_factor=shift,
        scaling_factor=scaling,
        use_quant_conv=False,
        use_post_quant_conv=False,
    ).eval()


def build_sd3(*, t5: bool = True) -> StableDiffusion3Pipeline:
    """Two layers, the second with its own attention for the picture (as in 3.5 medium)."""
    torch.manual_seed(0)
    transformer = SD3Transformer2DModel(
        sample_size=8,
        patch_size=2,
        in_channels=CHANNELS,
        out_channels=CHANNELS,
        num_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        caption_projection_dim=32,
        joint_attention_dim=T5_WIDTH,
        pooled_projection_dim=16 + 24,
        pos_embed_max_size=16,
        dual_attention_layers=(0,),
        qk_norm="rms_norm",
    )
    return StableDiffusion3Pipeline(
        transformer=transformer.eval(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=a_vae(0.0609, 1.5305),
        text_encoder=a_clip(CLIPTextModelWithProjection, 16, 16),
        text_encoder_2=a_clip(CLIPTextModelWithProjection, 32, 24),
        text_encoder_3=a_t5() if t5 else None,
        tokenizer=a_tokenizer(),
        tokenizer_2=a_tokenizer(),
        tokenizer_3=a_long_tokenizer() if t5 else None,
    )


def build_flux(*, guided: bool = True) -> FluxPipeline:
    """Two layers of each kind; with `guided` like dev, else like schnell."""
    torch.manual_seed(0)
    transformer = FluxTransformer2DModel(
        in_channels=4 * CHANNELS,
        num_layers=2,
        num_single_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=T5_WIDTH,
        pooled_projection_dim=16,
        guidance_embeds=guided,
        axes_dims_rope=(4, 6, 6),
    )
    if guided:
        scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True)
    else:
        scheduler = FlowMatchEulerDiscreteScheduler(shift=1.0)
    return FluxPipeline(
        transformer=transformer.eval(),
        scheduler=scheduler,
        vae=a_vae(0.1159, 0.3611),
        text_encoder=a_clip(CLIPTextModel, 16, 16),
        text_encoder_2=a_t5(),
        tokenizer=a_tokenizer(),
        tokenizer_2=a_long_tokenizer(),
    )
