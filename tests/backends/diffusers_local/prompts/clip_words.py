"""Small random models that read with CLIP's own words, in windows of 77 tokens."""

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from backends.contract import ModelRef
from backends.diffusers_local.loading.model import Model, load_model
from backends.diffusers_local.prompts.tokenizer import clip_tokenizer
from tests.backends.diffusers_local.conftest import build_pipeline, ref_of
from tests.backends.diffusers_local.xl import POOLED, build_xl

END = 49407


def an_encoder(kind: Any, width: int, layers: int) -> Any:
    """A random CLIP of this class with the whole of CLIP's words."""
    return kind(
        CLIPTextConfig(
            vocab_size=END + 1,
            hidden_size=width,
            intermediate_size=2 * width,
            num_hidden_layers=layers,
            num_attention_heads=2,
            max_position_embeddings=77,
            projection_dim=POOLED,
            bos_token_id=END - 1,
            eos_token_id=END,
            pad_token_id=END,
        )
    ).eval()


def build_sd_words() -> Any:
    """Stable Diffusion: one encoder, 32 wide."""
    pipeline = build_pipeline()
    torch.manual_seed(3)
    pipeline.register_modules(tokenizer=clip_tokenizer(), text_encoder=an_encoder(CLIPTextModel, 32, 2))
    return pipeline


def build_xl_words() -> Any:
    """Stable Diffusion XL: encoders 16 and 32 wide; the second pads with another token, as the real one."""
    pipeline = build_xl()
    torch.manual_seed(4)
    second = clip_tokenizer()
    assert second is not None
    second.pad_token = "!"
    pipeline.register_modules(
        tokenizer=clip_tokenizer(),
        tokenizer_2=second,
        text_encoder=an_encoder(CLIPTextModel, 16, 3),
        text_encoder_2=an_encoder(CLIPTextModelWithProjection, 32, 3),
    )
    return pipeline


def load(path: Path) -> Model:
    return load_model(ref_of(path), torch.device("cpu"), torch.float32)


def an_inversion(path: Path, **vectors: torch.Tensor) -> ModelRef:
    """A textual inversion file, and what names it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in vectors.items()}, path)
    return ModelRef(f"{path.parent.name}/{path.name}", str(path))
