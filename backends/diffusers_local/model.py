"""A Stable Diffusion model in memory: its parts from diffusers, and everything computed once for it."""

import importlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from diffusers import StableDiffusionPipeline

from backends.contract import ModelRef
from backends.diffusers_local.folders import STARTER_MODULE, ModelTrouble, check_folder, variant_of
from backends.diffusers_local.preview import PreviewMap, fit_preview, read_preview
from backends.diffusers_local.schedules import Schedules
from backends.diffusers_local.single_file import load_single_file

_TEXTS_KEPT = 256


@dataclass(slots=True)
class Text:
    """A prompt as the denoiser takes it: `states` (1, tokens, width); `unknown` words; `cut` text that did
    not fit.
    """

    states: torch.Tensor
    unknown: list[str]
    cut: str


@dataclass(slots=True, eq=False)
class Model:
    """One loaded model. `scale` is pixels per latent cell; `size` its bytes in memory.

    `key` names this state of the files: it changes when they do.
    """

    ref: ModelRef
    key: str
    unet: Any
    vae: Any
    text_encoder: Any
    tokenizer: Any
    schedules: Schedules
    alphas: torch.Tensor
    prediction: str
    preview: PreviewMap
    scale: int
    device: torch.device
    dtype: torch.dtype
    size: int
    texts: OrderedDict[str, Text] = field(default_factory=OrderedDict)

    def text(self, prompt: str) -> Text:
        """The prompt encoded, from memory when it was met before."""
        known = self.texts.get(prompt)
        if known is None:
            known = self.texts[prompt] = self._encode(prompt)
            if len(self.texts) > _TEXTS_KEPT:
                self.texts.popitem(last=False)
        self.texts.move_to_end(prompt)
        return known

    def _encode(self, prompt: str) -> Text:
        longest = self.tokenizer.model_max_length
        whole = self.tokenizer(prompt, return_offsets_mapping=True)
        given = self.tokenizer(
            prompt, padding="max_length", max_length=longest, truncation=True, return_tensors="pt"
        )
        masked = getattr(self.text_encoder.config, "use_attention_mask", False)
        mask = given.attention_mask.to(self.device) if masked else None
        states = self.text_encoder(given.input_ids.to(self.device), attention_mask=mask)[0]
        offsets, ids = whole["offset_mapping"], whole["input_ids"]
        cut = prompt[offsets[longest - 1][0] :].strip() if len(ids) > longest else ""
        return Text(states.to(self.dtype), self._unknown(prompt, ids, offsets), cut)

    def _unknown(self, prompt: str, ids: Sequence[int], offsets: Sequence[tuple[int, int]]) -> list[str]:
        """The words that a whole-word tokenizer does not know (one that cuts words into pieces knows them
        all).
        """
        unknown = self.tokenizer.unk_token_id
        if unknown is None or self.tokenizer.unk_token in (
            self.tokenizer.eos_token,
            self.tokenizer.bos_token,
        ):
            return []
        words = [
            prompt[a:b] for number, (a, b) in zip(ids, offsets, strict=True) if number == unknown and b > a
        ]
        return list(dict.fromkeys(words))


def stamp_of(path: Path) -> int:
    """Changes when a model's files are replaced."""
    newest = path / "unet" if (path / "unet").is_dir() else path
    try:
        return max((file.stat().st_mtime_ns for file in (newest, *newest.glob("*"))), default=0)
    except OSError:
        return 0


def load_model(ref: ModelRef, device: torch.device, dtype: torch.dtype) -> Model:
    """Load a model folder or file. Raises ModelTrouble with a sentence for the user."""
    path = Path(ref.path)
    try:
        pipeline = load_single_file(path, dtype) if path.is_file() else _load_folder(path, dtype)
    except ModelTrouble:
        raise
    except Exception as error:
        # the traceback would keep half a model in memory
        error.__traceback__ = None
        raise ModelTrouble(f"The model {ref.name!r} could not be loaded: {error}") from None
    return _assemble(ref, pipeline, path, device, dtype)


def _load_folder(folder: Path, dtype: torch.dtype) -> StableDiffusionPipeline:
    left_out = check_folder(folder)
    if f'"{STARTER_MODULE}"' in (folder / "model_index.json").read_text(encoding="utf-8"):
        importlib.import_module(
            STARTER_MODULE
        )  # diffusers takes a class from outside itself only when it is imported
    return StableDiffusionPipeline.from_pretrained(
        folder,
        dtype=dtype,
        variant=variant_of(folder),
        use_safetensors=True,
        local_files_only=True,
        requires_safety_checker=False,
        **left_out,
    )


def _assemble(
    ref: ModelRef, pipeline: StableDiffusionPipeline, path: Path, device: torch.device, dtype: torch.dtype
) -> Model:
    unet, vae, text_encoder = pipeline.unet, pipeline.vae, pipeline.text_encoder
    _check_unet(ref, unet, vae)
    for part in (unet, vae, text_encoder):
        part.to(device=device).eval().requires_grad_(False)
    config = dict(pipeline.scheduler.config)
    schedules = Schedules(config)
    reference = schedules.make("ddim", "normal")
    parameters = [
        tensor for part in (unet, vae, text_encoder) for tensor in (*part.parameters(), *part.buffers())
    ]
    return Model(
        ref=ref,
        key=f"{ref.path}@{stamp_of(path)}",
        unet=unet,
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=pipeline.tokenizer,
        schedules=schedules,
        alphas=reference.alphas_cumprod.float(),
        prediction=reference.config.prediction_type,
        preview=read_preview(path) or fit_preview(vae, device, dtype),
        scale=pipeline.vae_scale_factor,
        device=device,
        dtype=dtype,
        size=sum(tensor.numel() * tensor.element_size() for tensor in parameters),
    )


def _check_unet(ref: ModelRef, unet: Any, vae: Any) -> None:
    """Refuse denoisers that need more than latents, time and text."""
    if unet.config.in_channels != vae.config.latent_channels:
        raise ModelTrouble(
            f"The model {ref.name!r} takes {unet.config.in_channels} input channels where its latents have "
            f"{vae.config.latent_channels}: it is an inpainting or depth model, not drawn here."
        )
    if unet.config.time_cond_proj_dim is not None or unet.config.addition_embed_type is not None:
        raise ModelTrouble(
            f"The model {ref.name!r} wants conditions beside the prompt, which this engine has not."
        )
