"""Telling an architecture from the names of a file's tensors, for files that do not name it themselves.

A rule is a class id, names that must all be there and names that must not. Names are looked up with the
prefixes that different trainers put before them. The first rule that holds wins, so special cases come first.
"""

from collections.abc import Callable, Collection

from msgspec import Struct

from hub.catalog.classes.known import CLASSES, ModelClass

_PREFIXES = ("", "model.diffusion_model.", "diffusion_model.", "transformer.", "net.")
_CLIP_V1 = "cond_stage_model.transformer.text_model.embeddings.position_ids"
_CLIP_V1_OLD = "cond_stage_model.transformer.embeddings.position_ids"
_CLIP_V2 = "cond_stage_model.model.ln_final.bias"
_FLUX = "double_blocks.0.img_attn.norm.key_norm.scale"
_FLUX_SINGLE = "single_transformer_blocks.0.proj_mlp.weight"
_SD3_TEXT = "transformer_blocks.0.attn.add_k_proj.weight"
_SD3 = "joint_blocks.0.context_block.attn.proj.bias"

Shape = Callable[[str], tuple[int, ...]]
"""Gives the shape of a tensor by its full name."""


class _Rule(Struct, frozen=True):
    id: str
    needs: tuple[str, ...]
    lacks: tuple[str, ...] = ()
    # a tensor (with any prefix) and what one of its dimensions must be, for sizes of one architecture
    shape: tuple[str, int, tuple[int, ...]] | None = None


_WHOLE = (
    _Rule(
        "stable-diffusion-v2-inpainting",
        (_CLIP_V2, "input_blocks.0.0.weight"),
        shape=("input_blocks.0.0.weight", 1, (9,)),
    ),
    _Rule("stable-diffusion-v2-depth", ("depth_model.model.pretrained.act_postprocess3.0.project.0.bias",)),
    _Rule("stable-diffusion-v2-768-v", (_CLIP_V2,), lacks=("denoiser.sigmas",)),
    _Rule(
        "stable-diffusion-v1-inpainting",
        (_CLIP_V1, "input_blocks.0.0.weight"),
        shape=("input_blocks.0.0.weight", 1, (9,)),
    ),
    _Rule("stable-diffusion-v1", (_CLIP_V1,)),
    _Rule("stable-diffusion-v1", (_CLIP_V1_OLD,)),
    _Rule("stable-diffusion-v2-turbo", ("denoiser.sigmas", "conditioner.embedders.0.model.ln_final.bias")),
    _Rule(
        "stable-diffusion-xl-v1-base",
        ("conditioner.embedders.0.transformer.text_model.embeddings.position_embedding.weight",),
    ),
    _Rule("stable-diffusion-xl-v1-refiner", ("conditioner.embedders.0.model.ln_final.bias",)),
    _Rule("stable-video-diffusion-img2vid-v1", ("input_blocks.1.0.time_stack.emb_layers.1.bias",)),
    _Rule("stable-diffusion-v3.5-large", (_SD3,), shape=(_SD3, 0, (2432,))),
    _Rule(
        "stable-diffusion-v3.5-medium",
        (_SD3, "joint_blocks.0.x_block.attn2.proj.bias"),
        shape=(_SD3, 0, (1536,)),
    ),
    _Rule("stable-diffusion-v3-medium", (_SD3,)),
    _Rule("flux.2-dev", ("double_stream_modulation_img.lin.weight",)),
    _Rule("chroma", ("distilled_guidance_layer.in_proj.bias", "double_blocks.0.img_attn.proj.bias")),
    _Rule("Flux.1-dev", (_FLUX, "guidance_in.in_layer.bias")),
    _Rule("Flux.1-schnell", (_FLUX,)),
    _Rule(
        "qwen-image",
        ("time_text_embed.timestep_embedder.linear_1.bias", "transformer_blocks.0.attn.add_k_proj.bias"),
        lacks=("time_text_embed.text_embedder.linear_1.bias",),
    ),
    # the same transformers by the names that diffusers gives their parts
    _Rule("Flux.1-dev", (_FLUX_SINGLE, "time_text_embed.guidance_embedder.linear_1.weight")),
    _Rule("Flux.1-schnell", (_FLUX_SINGLE, "time_text_embed.text_embedder.linear_1.weight")),
    _Rule(
        "stable-diffusion-v3.5-large",
        ("pos_embed.pos_embed", _SD3_TEXT),
        shape=(_SD3_TEXT, 0, (2432,)),
    ),
    _Rule(
        "stable-diffusion-v3.5-medium",
        ("pos_embed.pos_embed", _SD3_TEXT, "transformer_blocks.0.attn2.to_q.weight"),
    ),
    _Rule(
        "stable-diffusion-v3-medium",
        ("pos_embed.pos_embed", _SD3_TEXT),
        shape=(_SD3_TEXT, 0, (1536,)),
    ),
    _Rule("z-image", ("all_x_embedder.2-1.weight", "context_refiner.0.attention.to_q.weight")),
    _Rule(
        "lumina-2",
        ("time_caption_embed.timestep_embedder.linear_1.weight", "context_refiner.0.attn.to_q.weight"),
    ),
    _Rule("auraflow-v1", ("model.cond_seq_linear.weight", "model.double_layers.0.attn.w1k.weight")),
    _Rule("z-image", ("context_refiner.0.attention.k_norm.weight", "layers.0.adaLN_modulation.0.bias")),
    _Rule("lumina-2", ("cap_embedder.0.weight",)),
    _Rule("stable-diffusion-v1/controlnet", ("control_model.input_blocks.1.0.emb_layers.1.bias",)),
    _Rule(
        "stable-diffusion-v1/vae",
        ("decoder.mid.attn_1.k.weight", "encoder.conv_in.weight", "quant_conv.weight"),
    ),
    _Rule(
        "flux.1/vae", ("decoder.mid.attn_1.k.weight", "encoder.conv_in.weight"), lacks=("quant_conv.weight",)
    ),
)

_LORAS = (
    _Rule(
        "stable-diffusion-xl-v1-base/lora",
        ("lora_unet_output_blocks_5_1_transformer_blocks_1_ff_net_2.lora_up.weight",),
    ),
    _Rule(
        "stable-diffusion-xl-v1-base/lora",
        ("lora_unet_down_blocks_2_attentions_1_transformer_blocks_9_attn2_to_v.lora_up.weight",),
    ),
    _Rule(
        "stable-diffusion-v1/lora",
        ("lora_unet_up_blocks_3_attentions_2_transformer_blocks_0_ff_net_2.lora_up.weight",),
    ),
    _Rule("Flux.1-dev/lora", ("lora_unet_double_blocks_0_img_attn_proj.lora_down.weight",)),
    _Rule("Flux.1-dev/lora", ("single_transformer_blocks.0.attn.to_k.lora_A.weight",)),
    _Rule("Flux.1-dev/lora", ("double_blocks.0.img_attn.proj.lora_down.weight",)),
)

_LORA_ENDINGS = (".lora_A.weight", ".lora_up.weight", ".lora.up.weight", ".lora_A.default.weight", ".lokr_w1")


def by_tensors(names: Collection[str], shape: Shape) -> ModelClass | None:
    """The class that tensors of these names make up, or None. `shape` is only asked where sizes decide."""
    present = names if isinstance(names, set | frozenset | dict) else frozenset(names)
    is_lora = any(name.startswith("lora_") or name.endswith(_LORA_ENDINGS) for name in present)
    for rule in _LORAS if is_lora else _WHOLE:
        if _holds(rule, present, shape):
            return CLASSES[rule.id]
    return None


def _holds(rule: _Rule, present: Collection[str], shape: Shape) -> bool:
    if any(_full_name(name, present) is None for name in rule.needs):
        return False
    if any(_full_name(name, present) is not None for name in rule.lacks):
        return False
    if rule.shape is None:
        return True
    name, dimension, sizes = rule.shape
    full = _full_name(name, present)
    found = shape(full) if full is not None else ()
    return len(found) > dimension and found[dimension] in sizes


def _full_name(name: str, present: Collection[str]) -> str | None:
    for prefix in _PREFIXES:
        if prefix + name in present:
            return prefix + name
    return None
