"""Small random models of the families that run through their own pipelines, one of each pipeline class."""

from collections.abc import Callable, Mapping
from typing import Any

import diffusers
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors

WORDS = (
    "<pad>",
    "<unk>",
    "<begin>",
    "<end>",
    "a",
    "red",
    "circle",
    "blue",
    "square",
    "on",
    "Describe",
    "user",
)
WIDTH = 16


def a_tokenizer() -> Any:
    """Words and punctuation, and a chat template for the encoders that were taught to talk."""
    inner = Tokenizer(models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    inner.post_processor = processors.TemplateProcessing(
        single="<begin> $A <end>", special_tokens=[("<begin>", 2), ("<end>", 3)]
    )
    made = transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner,
        unk_token="<unk>",
        bos_token="<begin>",
        eos_token="<end>",
        pad_token="<pad>",
        model_max_length=77,
    )
    made.chat_template = "{% for message in messages %}user {{ message['content'] }} {% endfor %}"
    return made


def a_vae(channels: int, **given: Any) -> Any:
    return diffusers.AutoencoderKL(
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=channels,
        norm_num_groups=4,
        layers_per_block=1,
        **given,
    )


def a_shifted_vae() -> Any:
    return a_vae(
        16, scaling_factor=0.3611, shift_factor=0.1159, use_quant_conv=False, use_post_quant_conv=False
    )


def a_strong_vae() -> Any:
    blocks = ("ResBlock",) * 5 + ("EfficientViTBlock",)
    return diffusers.AutoencoderDC(
        latent_channels=4,
        attention_head_dim=4,
        encoder_block_types=blocks,
        decoder_block_types=blocks,
        encoder_block_out_channels=(8,) * 6,
        decoder_block_out_channels=(8,) * 6,
        encoder_layers_per_block=(1,) * 6,
        decoder_layers_per_block=(1,) * 6,
        encoder_qkv_multiscales=((),) * 5 + ((5,),),
        decoder_qkv_multiscales=((),) * 5 + ((5,),),
        scaling_factor=0.41407,
    )


def a_film_vae() -> Any:
    return diffusers.AutoencoderKLQwenImage(
        base_dim=8,
        z_dim=16,
        dim_mult=[1, 1, 1, 1],
        num_res_blocks=1,
        temperal_downsample=[False, True, True],
    )


def a_t5(kind: str = "T5") -> Any:
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=len(WORDS), d_model=WIDTH, d_kv=8, d_ff=32, num_layers=1, num_heads=2, pad_token_id=0
    )
    return getattr(transformers, f"{kind}EncoderModel")(config)


def a_talker(kind: str) -> Any:
    """A small language model of this kind."""
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=len(WORDS),
        hidden_size=WIDTH,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=8,
        pad_token_id=0,
        bos_token_id=2,
        eos_token_id=3,
    )
    return getattr(transformers, f"{kind}Model")(config)


def a_seer() -> Any:
    """A small language model that could also look at pictures."""
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}
    return transformers.Qwen2_5_VLForConditionalGeneration(
        transformers.Qwen2_5_VLConfig(
            text_config={
                "vocab_size": len(WORDS),
                "hidden_size": WIDTH,
                "intermediate_size": 32,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "num_key_value_heads": 2,
                "rope_parameters": rope,
            },
            vision_config={
                "depth": 1,
                "hidden_size": 16,
                "intermediate_size": 16,
                "num_heads": 2,
                "out_hidden_size": WIDTH,
                "fullatt_block_indexes": [0],
            },
            image_token_id=4,
            video_token_id=5,
            vision_start_token_id=6,
            vision_end_token_id=7,
        )
    )


def a_flow(**given: Any) -> Any:
    return diffusers.FlowMatchEulerDiscreteScheduler(**({"shift": 3.0} | given))


def pixart(name: str, scaling: float) -> Any:
    alpha = name == "PixArtAlphaPipeline"
    return getattr(diffusers, name)(
        tokenizer=a_tokenizer(),
        text_encoder=a_t5(),
        vae=a_vae(4, scaling_factor=scaling),
        transformer=diffusers.PixArtTransformer2DModel(
            num_attention_heads=2,
            attention_head_dim=12,
            in_channels=4,
            out_channels=8,
            num_layers=1,
            cross_attention_dim=24,
            sample_size=128 if alpha else 64,
            caption_channels=WIDTH,
            num_embeds_ada_norm=1000,
            use_additional_conditions=alpha,
        ),
        scheduler=diffusers.DPMSolverMultistepScheduler(
            beta_schedule="linear", beta_start=0.0001, beta_end=0.02, algorithm_type="dpmsolver++"
        ),
    )


def a_sana_transformer(**given: Any) -> Any:
    return diffusers.SanaTransformer2DModel(
        in_channels=4,
        out_channels=4,
        num_attention_heads=2,
        attention_head_dim=8,
        num_layers=1,
        num_cross_attention_heads=2,
        cross_attention_head_dim=8,
        cross_attention_dim=16,
        caption_channels=WIDTH,
        sample_size=32,
        **given,
    )


def sana() -> Any:
    return diffusers.SanaPipeline(
        tokenizer=a_tokenizer(),
        text_encoder=a_talker("Gemma2"),
        vae=a_strong_vae(),
        transformer=a_sana_transformer(),
        scheduler=diffusers.DPMSolverMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0
        ),
    )


def sana_sprint() -> Any:
    return diffusers.SanaSprintPipeline(
        tokenizer=a_tokenizer(),
        text_encoder=a_talker("Gemma2"),
        vae=a_strong_vae(),
        transformer=a_sana_transformer(guidance_embeds=True, qk_norm="rms_norm_across_heads"),
        scheduler=diffusers.SCMScheduler(),
    )


def lumina2() -> Any:
    return diffusers.Lumina2Pipeline(
        transformer=diffusers.Lumina2Transformer2DModel(
            sample_size=8,
            in_channels=16,
            hidden_size=24,
            num_layers=1,
            num_refiner_layers=1,
            num_attention_heads=2,
            num_kv_heads=1,
            multiple_of=16,
            axes_dim_rope=(4, 4, 4),
            axes_lens=(300, 64, 64),
            cap_feat_dim=WIDTH,
        ),
        scheduler=a_flow(),
        vae=a_shifted_vae(),
        text_encoder=a_talker("Gemma2"),
        tokenizer=a_tokenizer(),
    )


def qwen_image() -> Any:
    return diffusers.QwenImagePipeline(
        scheduler=a_flow(
            use_dynamic_shifting=True, shift=1.0, max_shift=0.9, max_image_seq_len=8192, shift_terminal=0.02
        ),
        vae=a_film_vae(),
        text_encoder=a_seer(),
        tokenizer=a_tokenizer(),
        transformer=diffusers.QwenImageTransformer2DModel(
            in_channels=64,
            out_channels=16,
            num_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=WIDTH,
            axes_dims_rope=(4, 6, 6),
        ),
    )


def z_image() -> Any:
    return diffusers.ZImagePipeline(
        scheduler=a_flow(),
        vae=a_shifted_vae(),
        text_encoder=a_talker("Qwen3"),
        tokenizer=a_tokenizer(),
        transformer=diffusers.ZImageTransformer2DModel(
            in_channels=16,
            dim=32,
            n_layers=1,
            n_refiner_layers=1,
            n_heads=2,
            n_kv_heads=2,
            cap_feat_dim=WIDTH,
            axes_dims=[4, 6, 6],
            axes_lens=[256, 64, 64],
        ),
    )


def auraflow() -> Any:
    return diffusers.AuraFlowPipeline(
        tokenizer=a_tokenizer(),
        text_encoder=a_t5("UMT5"),
        vae=a_vae(4, scaling_factor=0.13025),
        transformer=diffusers.AuraFlowTransformer2DModel(
            sample_size=32,
            in_channels=4,
            num_mmdit_layers=1,
            num_single_dit_layers=1,
            attention_head_dim=8,
            num_attention_heads=2,
            joint_attention_dim=WIDTH,
            caption_projection_dim=16,
            out_channels=4,
            pos_embed_max_size=256,
        ),
        scheduler=a_flow(shift=1.73),
    )


def chroma() -> Any:
    return diffusers.ChromaPipeline(
        scheduler=a_flow(),
        vae=a_shifted_vae(),
        text_encoder=a_t5(),
        tokenizer=a_tokenizer(),
        transformer=diffusers.ChromaTransformer2DModel(
            in_channels=64,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=WIDTH,
            axes_dims_rope=(4, 6, 6),
            approximator_num_channels=8,
            approximator_hidden_dim=16,
            approximator_layers=1,
        ),
    )


def cogview4() -> Any:
    return diffusers.CogView4Pipeline(
        tokenizer=a_tokenizer(),
        text_encoder=a_talker("Glm"),
        vae=a_vae(16, scaling_factor=1.0, use_quant_conv=False, use_post_quant_conv=False),
        transformer=diffusers.CogView4Transformer2DModel(
            in_channels=16,
            out_channels=16,
            num_layers=1,
            attention_head_dim=8,
            num_attention_heads=2,
            text_embed_dim=WIDTH,
            time_embed_dim=16,
            condition_dim=4,
            rope_axes_dim=(16, 16),
            sample_size=8,
        ),
        scheduler=a_flow(
            use_dynamic_shifting=True, shift=1.0, base_shift=0.25, max_shift=0.75, time_shift_type="linear"
        ),
    )


def hunyuan_dit() -> Any:
    bert = transformers.BertConfig(
        vocab_size=len(WORDS),
        hidden_size=WIDTH,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
    )
    return diffusers.HunyuanDiTPipeline(
        vae=a_vae(4, scaling_factor=0.13025),
        text_encoder=transformers.BertModel(bert),
        tokenizer=a_tokenizer(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
        text_encoder_2=a_t5(),
        tokenizer_2=a_tokenizer(),
        transformer=diffusers.HunyuanDiT2DModel(
            num_attention_heads=2,
            attention_head_dim=8,
            in_channels=4,
            patch_size=2,
            sample_size=8,
            hidden_size=16,
            num_layers=2,
            cross_attention_dim=WIDTH,
            cross_attention_dim_t5=WIDTH,
            pooled_projection_dim=16,
            text_len=77,
            text_len_t5=256,
        ),
        scheduler=diffusers.DDPMScheduler(
            beta_schedule="scaled_linear",
            beta_start=0.00085,
            beta_end=0.02,
            prediction_type="v_prediction",
            steps_offset=1,
        ),
    )


BUILD: Mapping[str, Callable[[], Any]] = {
    "auraflow": auraflow,
    "chroma": chroma,
    "cogview4": cogview4,
    "hunyuan_dit": hunyuan_dit,
    "lumina2": lumina2,
    "pixart_alpha": lambda: pixart("PixArtAlphaPipeline", 0.18215),
    "pixart_sigma": lambda: pixart("PixArtSigmaPipeline", 0.13025),
    "qwen_image": qwen_image,
    "sana": sana,
    "sana_sprint": sana_sprint,
    "z_image": z_image,
}
"""Family id -> a whole pipeline of a few hundred thousand random numbers at most."""


def build(family: str) -> Any:
    """The same numbers every time; weights that begin at 0 get some, or the network answered 0."""
    torch.manual_seed(0)
    pipeline = BUILD[family]()
    for part in pipeline.components.values():
        if isinstance(part, torch.nn.Module):
            part.eval()
            for weight in part.parameters():
                if not weight.any():
                    torch.nn.init.normal_(weight, std=0.02)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
