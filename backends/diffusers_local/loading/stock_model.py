"""A model in memory that is drawn by its own pipeline: the parts of which each work gets a pipeline of its
own.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import diffusers
import torch

from backends.contract import ModelRef
from backends.diffusers_local.families import Family, Stock, of_pipeline
from backends.diffusers_local.features.lora_layers import LoraLayers
from backends.diffusers_local.loading.folders import check_folder, variant_of
from backends.diffusers_local.loading.offload import Home
from backends.diffusers_local.loading.stock_file import family_of_file, load_parts
from backends.diffusers_local.loading.weights import ModelTrouble, stamp_of
from backends.diffusers_local.pictures.preview import PreviewMap, fit_preview, read_preview
from backends.diffusers_local.prompts.memory import Memory
from backends.diffusers_local.samplers.flow_schedules import FlowSchedules
from backends.diffusers_local.samplers.schedules import Schedules


@dataclass(eq=False)
class StockModel:
    """One loaded model. `stock` says how it is drawn; `parts` are its components by their names in a folder,
    without the scheduler.

    `scheduler` is the class of its own scheduler and `config` that one's configuration. `scale` is pixels
    per latent cell; `size` its bytes in memory. `key` names this state of the files: it changes when they
    do. `layers` are the LoRAs that may lie over it, `texts` its encoded prompts.
    """

    ref: ModelRef
    key: str
    family: Family
    stock: Stock
    parts: Mapping[str, Any]
    scheduler: str
    config: Mapping[str, Any]
    layers: LoraLayers
    texts: Memory
    preview: PreviewMap
    scale: int
    device: torch.device
    dtype: torch.dtype
    size: int

    @property
    def vae(self) -> Any:
        """The autoencoder."""
        return self.parts["vae"]

    @property
    def multiple(self) -> int:
        """Pixels that a picture's sides must be multiples of."""
        return self.scale * self.stock.cells

    @cached_property
    def schedules(self) -> Schedules:
        """The schedulers, for models that draw by a table of training steps."""
        return Schedules(self.config)

    @cached_property
    def flow(self) -> FlowSchedules:
        """The schedulers, for models that draw along straight lines."""
        return FlowSchedules(self.config, self.stock.cells)

    @cached_property
    def _signal(self) -> torch.Tensor:
        signal: torch.Tensor = self.schedules.make("ddim", "normal").alphas_cumprod.float()
        return signal

    def signal_left(self, time: float) -> float:
        """What is left of the picture (the cumulated alpha) at a time step, for the same models."""
        return float(self._signal[min(len(self._signal) - 1, max(0, round(time)))])

    def sweep(self) -> None:
        """Let go of what lies over the model and is needed no more."""
        self.layers.sweep()

    def pipeline(self, kind: str, scheduler: Any, vae: Any) -> Any:
        """A pipeline for one work: no other may use it, because it keeps that work's state."""
        made = getattr(diffusers, kind)(
            **{**self.parts, "vae": vae},
            **dict.fromkeys(self.family.unused),
            **self.family.options,
            scheduler=scheduler,
        )
        made.set_progress_bar_config(disable=True)
        return made


def is_stock(path: Path) -> bool:
    """Whether this is the folder, or the file of the transformer, of a model that its own pipeline draws."""
    if path.is_file():
        return family_of_file(path) is not None
    try:
        index = json.loads((path / "model_index.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    family = of_pipeline(index.get("_class_name")) if isinstance(index, dict) else None
    return family is not None and family.stock is not None


def load_stock(
    ref: ModelRef, device: torch.device, dtype: torch.dtype, home: Home | None = None
) -> StockModel:
    """Load such a folder or file; `home` says where each component goes that is not to lie on the device.

    Raises ModelTrouble with a sentence for the user.
    """
    try:
        return _load(ref, device, _dtype(device, dtype), home or (lambda _: device))
    except ModelTrouble:
        raise
    except Exception as error:
        # the traceback would keep half a model in memory
        error.__traceback__ = None
        raise ModelTrouble(f"The model {ref.name!r} could not be loaded: {error}") from None


def _load(ref: ModelRef, device: torch.device, dtype: torch.dtype, home: Home) -> StockModel:
    family, folder, pipeline = _pipeline(Path(ref.path), dtype)
    parts = {name: getattr(pipeline, name) for name in family.parts}
    for name in family.weighted:
        parts[name].to(device=home(name)).eval().requires_grad_(False)
    layers = LoraLayers(family, parts, device)
    if family.stock is None:
        raise ModelTrouble(f"The model {ref.name!r} is not one that its own pipeline draws.")
    return StockModel(
        ref=ref,
        key=f"{ref.path}@{stamp_of(Path(ref.path))}",
        family=family,
        stock=family.stock,
        parts=parts,
        scheduler=type(pipeline.scheduler).__name__,
        config=dict(pipeline.scheduler.config),
        layers=layers,
        texts=Memory(lambda: layers.read_under),
        preview=read_preview(folder) or fit_preview(parts["vae"], home("vae"), parts["vae"].dtype),
        scale=pipeline.vae_scale_factor,
        device=device,
        dtype=dtype,
        size=_size_of([parts[name] for name in family.weighted]),
    )


def _pipeline(path: Path, dtype: torch.dtype) -> tuple[Family, Path, Any]:
    """The family, the folder that most of it comes from, and a pipeline of it."""
    folder, given = path, {}
    if path.is_file():
        folder, given["transformer"] = load_parts(path, dtype)
    family, left_out = check_folder(folder, given)
    pipeline = getattr(diffusers, family.pipelines[0]).from_pretrained(
        folder,
        dtype=dtype,
        variant=None if given else variant_of(folder),
        use_safetensors=True,
        local_files_only=True,
        **given,
        **family.options,
        **left_out,
    )
    return family, folder, pipeline


def _dtype(device: torch.device, dtype: torch.dtype) -> torch.dtype:
    """Half precision with the wide range: the long text encoders of these models overflow in the other."""
    if dtype != torch.float16:
        return dtype
    narrow = device.type == "cuda" and not torch.cuda.is_bf16_supported()
    return torch.float16 if narrow else torch.bfloat16


def _size_of(parts: list[Any]) -> int:
    """Bytes of all tensors, those that several places share counted once."""
    tensors = {id(t): t for part in parts for t in (*part.parameters(), *part.buffers())}
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
