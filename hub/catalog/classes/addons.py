"""Telling which architecture an add-on was made for, from its tensors' names and sizes or its own settings.

Where two architectures cannot be told apart for sure there is no answer: an add-on is refused for a model
only when it is known not to fit.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from hub.catalog.classes.guess import Shape, by_tensors
from hub.catalog.classes.known import CLASSES, ModelClass

# Width of the text states that the attention of a UNet reads, by which its versions differ.
_UNET_LORAS = {
    768: "stable-diffusion-v1/lora",
    1024: "stable-diffusion-v2-768-v/lora",
    2048: "stable-diffusion-xl-v1-base/lora",
}
_UNET_CONTROLS = {768: "stable-diffusion-v1/controlnet", 2048: "stable-diffusion-xl-v1-base/controlnet"}
_EMBEDDINGS = {
    768: "stable-diffusion-v1/textual-inversion",
    1024: "stable-diffusion-v2-768-v/textual-inversion",
}
_SD3_LARGE = 2432  # width of its transformer; the medium ones share theirs
_UNET_BLOCK = re.compile(r"(?:down|up|mid|input|output|middle)_blocks?[._]")
_TEXT_KEYS = re.compile(r"attn2[._](?:processor[._])?to_k(?:_lora)?\.(?:lora_down|lora_A|lora\.down|down)")
_JOINT_KEYS = re.compile(r"transformer_blocks\.(\d+)\.attn\.(?:add_[qkv]_proj|to_[qkv])\.lora_A")


def by_addon(subtype: str, names: Collection[str], shape: Shape) -> ModelClass | None:
    """The class of a file of this kind of models (swarm-api §5.1 "Model subtypes"), or None."""
    maker = _MAKERS.get(subtype)
    found = maker(names, shape) if maker is not None else None
    if found is not None:
        return CLASSES[found]
    general = by_tensors(names, shape)
    # an add-on's folder holds no whole models: what looks like one is something we do not know
    return general if general is not None and ("/" in general.id or maker is None) else None


def by_component(config: Mapping[str, Any]) -> ModelClass | None:
    """The class of a diffusers folder with a single network in it, from its `config.json`, or None."""
    maker = _COMPONENTS.get(str(config.get("_class_name")))
    found = maker(config) if maker is not None else None
    return CLASSES.get(found) if found is not None else None


def _lora(names: Collection[str], shape: Shape) -> str | None:
    for name in names:
        if _TEXT_KEYS.search(name) and _UNET_BLOCK.search(name):
            return _UNET_LORAS.get(_last(shape(name)))
    if any("single_transformer_blocks" in name or "lora_unet_single_blocks" in name for name in names):
        return "Flux.1-dev/lora"
    for name in names:
        if _JOINT_KEYS.search(name) and _last(shape(name)) == _SD3_LARGE:
            return "stable-diffusion-v3.5-large/lora"
    return None


def _vae(names: Collection[str], shape: Shape) -> str | None:
    prefix = next(
        (p for p in ("", "first_stage_model.", "vae.") if f"{p}decoder.conv_in.weight" in names), None
    )
    if prefix is None:
        return None
    size = shape(f"{prefix}decoder.conv_in.weight")
    if len(size) != 4:
        return None
    return {4: "stable-diffusion-v1/vae", 16: "flux.1/vae"}.get(size[1])


def _controlnet(names: Collection[str], shape: Shape) -> str | None:
    if "controlnet_x_embedder.weight" in names:
        return "Flux.1-dev/controlnet"
    for name in names:
        if "attn2.to_k.weight" in name and _UNET_BLOCK.search(name):
            return _UNET_CONTROLS.get(_last(shape(name)))
    if "pos_embed_input.proj.weight" in names and shape("transformer_blocks.0.attn.to_q.weight")[:1] == (
        _SD3_LARGE,
    ):
        return "stable-diffusion-v3.5-large/controlnet"
    return None


def _embedding(names: Collection[str], shape: Shape) -> str | None:
    if "clip_l" in names and "clip_g" in names:
        return "stable-diffusion-xl-v1-base/textual-inversion"
    if len(names) > 4:
        return None
    return next((_EMBEDDINGS.get(_last(shape(name))) for name in names), None)


def _last(size: tuple[int, ...]) -> int:
    return size[-1] if size else 0


def _kl_vae(config: Mapping[str, Any]) -> str | None:
    channels, scale = config.get("latent_channels"), config.get("scaling_factor")
    if channels == 4:
        return "stable-diffusion-xl-v1-base/vae" if scale == 0.13025 else "stable-diffusion-v1/vae"
    if channels == 16:
        return "stable-diffusion-v3/vae" if scale == 1.5305 else "flux.1/vae"
    return None


def _unet_control(config: Mapping[str, Any]) -> str | None:
    width = config.get("cross_attention_dim")
    return _UNET_CONTROLS.get(width) if isinstance(width, int) else None


_MAKERS: Mapping[str, Callable[[Collection[str], Shape], str | None]] = {
    "LoRA": _lora,
    "VAE": _vae,
    "ControlNet": _controlnet,
    "Embedding": _embedding,
}

_COMPONENTS: Mapping[str, Callable[[Mapping[str, Any]], str | None]] = {
    "AutoencoderKL": _kl_vae,
    "AutoencoderKLQwenImage": lambda config: "qwen-image/vae",
    "AutoencoderDC": lambda config: "nvidia-sana-1600/vae",
    "ControlNetModel": _unet_control,
    "ControlNetUnionModel": _unet_control,
    "FluxControlNetModel": lambda config: "Flux.1-dev/controlnet",
    "QwenImageControlNetModel": lambda config: "qwen-image/controlnet",
}
