"""How attention is computed: one choice for all models of an engine, by diffusers' own switches."""

import importlib.util
from typing import Any

import torch
from diffusers.models.attention_processor import (
    Attention,
    AttnProcessor,
    AttnProcessor2_0,
    XFormersAttnProcessor,
)

CHOICES = ("auto", "sdpa", "math", "sliced", "flash", "xformers")
"""auto: as diffusers loads it; sdpa: PyTorch's fused one; math: its plain form; sliced: head after head."""

_BACKENDS = {"sdpa": "native", "math": "_native_math", "flash": "flash", "xformers": "xformers"}
_PLAIN = (AttnProcessor, AttnProcessor2_0, XFormersAttnProcessor)
_LIBRARIES = {"flash": ("flash_attn", "flash-attn"), "xformers": ("xformers", "xformers")}


class NoAttention(RuntimeError):
    """This way of attention cannot be had here; the text is a sentence."""


def check(choice: str, device: torch.device) -> None:
    """Refuse at start what could not be computed. Raises NoAttention."""
    module, package = _LIBRARIES.get(choice, ("", ""))
    if not module:
        return
    if importlib.util.find_spec(module) is None:
        raise NoAttention(
            f"The setting attention is {choice!r}, which needs the Python package {package}; install it or "
            f"choose one of {', '.join(name for name in CHOICES if name not in _LIBRARIES)}."
        )
    if device.type != "cuda":
        raise NoAttention(
            f"The setting attention is {choice!r}, which needs a graphics card with CUDA or ROCm."
        )


def set_attention(denoiser: Any, choice: str) -> None:
    """Let a loaded denoiser attend in this way."""
    if choice == "auto":
        return
    if _is_dispatched(denoiser):
        if choice == "sliced":
            choice = "sdpa"  # these take no slices; the fused form needs as little memory
        denoiser.set_attention_backend(_BACKENDS[choice])
        return
    if choice == "sliced":
        denoiser.set_attention_slice("auto")
    elif choice == "xformers":
        denoiser.enable_xformers_memory_efficient_attention()
    else:
        # PyTorch's fused form takes flash kernels by itself where they fit
        processor = AttnProcessor() if choice == "math" else AttnProcessor2_0()
        for module in denoiser.modules():
            if isinstance(module, Attention) and isinstance(module.processor, _PLAIN):
                module.set_processor(processor)


def _is_dispatched(denoiser: Any) -> bool:
    """Whether its attention goes through diffusers' dispatcher, as in the newer transformers."""
    return any(
        hasattr(getattr(module, "processor", None), "_attention_backend") for module in denoiser.modules()
    )
