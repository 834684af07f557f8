"""A model in memory: its parts from diffusers, and everything computed once for it."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch

from backends.contract import ModelRef
from backends.diffusers_local.denoisers import Denoiser, make_denoiser
from backends.diffusers_local.families import Family
from backends.diffusers_local.families.stable_diffusion import STARTER_MODULE
from backends.diffusers_local.features.lora_layers import LoraLayers
from backends.diffusers_local.loading.flow_file import load_flow_file, recognise
from backends.diffusers_local.loading.folders import ModelTrouble, check_folder, variant_of
from backends.diffusers_local.loading.offload import Home
from backends.diffusers_local.loading.single_file import load_single_file
from backends.diffusers_local.loading.weights import read_header, stamp_of
from backends.diffusers_local.pictures.preview import PreviewMap, fit_preview, read_preview
from backends.diffusers_local.prompts.encoding import Texts
from backends.diffusers_local.prompts.readers import make_reader
from backends.diffusers_local.samplers.flow_schedules import FlowSchedules
from backends.diffusers_local.samplers.schedules import Schedules
from backends.diffusers_local.samplers.spacings import ALIGNED, ALIGNED_XL
from backends.diffusers_local.samplers.walks import Walks


@dataclass(slots=True, eq=False)
class Model:
    """One loaded model. `parts` are its components by their names in a folder, `texts` its encoded prompts.

    `scale` is pixels per latent cell; `size` its bytes in memory. `key` names this state of the files: it
    changes when they do. `layers` are the LoRAs that may lie over it.
    """

    ref: ModelRef
    key: str
    family: Family
    parts: Mapping[str, Any]
    texts: Texts
    denoiser: Denoiser
    schedules: Walks
    layers: LoraLayers
    preview: PreviewMap
    scale: int
    device: torch.device
    dtype: torch.dtype
    size: int

    @property
    def vae(self) -> Any:
        """The autoencoder; its dtype may be finer than the model's."""
        return self.parts["vae"]

    def sweep(self) -> None:
        """Let go of what lies over the model and is needed no more."""
        self.layers.sweep()


def load_model(ref: ModelRef, device: torch.device, dtype: torch.dtype, home: Home | None = None) -> Model:
    """Load a model folder or file; `home` says where each component goes that is not to lie on the device.

    Raises ModelTrouble with a sentence for the user.
    """
    path = Path(ref.path)
    try:
        family, pipeline, dtype = _load(path, device, dtype)
        return _assemble(ref, family, pipeline, path, device, dtype, home or (lambda _: device))
    except ModelTrouble:
        raise
    except Exception as error:
        # the traceback would keep half a model in memory
        error.__traceback__ = None
        raise ModelTrouble(f"The model {ref.name!r} could not be loaded: {error}") from None


def _load(path: Path, device: torch.device, dtype: torch.dtype) -> tuple[Family, Any, torch.dtype]:
    """The family, the stock pipeline, and the dtype it was loaded in: the family's own half precision where
    half is asked for and the device has it.
    """
    if path.is_file():
        if (file := recognise(path, read_header(path))) is not None:
            dtype = half_of(file.family, device, dtype)
            return file.family, load_flow_file(file, dtype), dtype
        return *load_single_file(path, dtype), dtype
    family, left_out = check_folder(path)
    dtype = half_of(family, device, dtype)
    return family, _load_folder(path, family, left_out, dtype), dtype


def half_of(family: Family, device: torch.device, dtype: torch.dtype) -> torch.dtype:
    """`dtype`, or the other half precision when the family was trained in that and the device has it."""
    fits = device.type != "cuda" or torch.cuda.is_bf16_supported()
    return torch.bfloat16 if dtype == torch.float16 and family.half == "bfloat16" and fits else dtype


def _load_folder(folder: Path, family: Family, left_out: Mapping[str, None], dtype: torch.dtype) -> Any:
    if f'"{STARTER_MODULE}"' in (folder / "model_index.json").read_text(encoding="utf-8"):
        importlib.import_module(
            STARTER_MODULE
        )  # diffusers takes a class from outside itself only when it is imported
    return getattr(diffusers, family.pipelines[0]).from_pretrained(
        folder,
        dtype=dtype,
        variant=variant_of(folder),
        use_safetensors=True,
        local_files_only=True,
        **family.options,
        **left_out,
    )


def _assemble(
    ref: ModelRef,
    family: Family,
    pipeline: Any,
    path: Path,
    device: torch.device,
    dtype: torch.dtype,
    home: Home,
) -> Model:
    parts = {name: getattr(pipeline, name) for name in family.parts}
    _check_whole(ref, family, parts)
    weighted = [name for name in family.weighted if parts[name] is not None]
    for name in weighted:
        parts[name].to(device=home(name)).eval().requires_grad_(False)
    vae = parts["vae"]
    if family.upcast and dtype == torch.float16 and vae.config.force_upcast:
        vae.to(torch.float32)  # in half precision its largest numbers overflow and the picture is black
    schedules = _schedules(family, dict(pipeline.scheduler.config))
    layers = LoraLayers(family, parts, device)
    denoiser = make_denoiser(ref, family, parts, schedules)
    tensors = [tensor for name in weighted for tensor in (*parts[name].parameters(), *parts[name].buffers())]
    zero_empty = bool(family.zero_empty and pipeline.config.get(family.zero_empty))
    return Model(
        ref=ref,
        key=f"{ref.path}@{stamp_of(path)}",
        family=family,
        parts=parts,
        texts=Texts(make_reader(family, parts, device), dtype, zero_empty=zero_empty),
        denoiser=denoiser,
        schedules=schedules,
        layers=layers,
        preview=read_preview(path) or fit_preview(vae, home("vae"), vae.dtype),
        scale=pipeline.vae_scale_factor,
        device=device,
        dtype=dtype,
        size=sum(tensor.numel() * tensor.element_size() for tensor in tensors),
    )


def _schedules(family: Family, config: Mapping[str, Any]) -> Walks:
    """The schedules of this kind of model."""
    if family.sampling == "flow":
        return FlowSchedules(config, family.patch)
    return Schedules(config, ALIGNED_XL if family.pooled else ALIGNED)


def _check_whole(ref: ModelRef, family: Family, parts: Mapping[str, Any]) -> None:
    """Refuse a file with gaps, which diffusers leaves as tensors without numbers."""
    missing = [
        f"{name}.{key}"
        for name in family.weighted
        if parts[name] is not None
        for key, tensor in parts[name].state_dict().items()
        if tensor.is_meta
    ]
    if missing:
        raise ModelTrouble(
            f"The model {ref.name!r} lacks {len(missing)} of its tensors, {missing[0]} the first: it is not "
            "whole, or another kind of model than its other tensors say."
        )
