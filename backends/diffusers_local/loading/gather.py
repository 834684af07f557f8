"""What one work needs in memory: which files, and all of them together once they are held."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from msgspec import Struct

from backends.contract import ModelRef, Work
from backends.diffusers_local.features.lora import LoraFile
from backends.diffusers_local.features.lora_layers import Stack, stack_of
from backends.diffusers_local.features.lora_parts import Weights
from backends.diffusers_local.features.second_work import first_loras, second_work
from backends.diffusers_local.loading.controlnets import ControlPart
from backends.diffusers_local.loading.model import Model
from backends.diffusers_local.loading.shelf import Shelf
from backends.diffusers_local.loading.upscaler import Upscaler
from backends.diffusers_local.prompts.inversions import Embedding

_STEPPED = ("unet", "transformer")  # what takes the steps themselves


class Need(Struct, frozen=True):
    """One file a work needs; `kind` is one of `parts.LOADERS`, `over` the model it is to lie over."""

    kind: str
    ref: ModelRef
    over: ModelRef | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Kit:
    """Everything in memory that one work is drawn with. `seconds` is what loading it took; `embeddings` are
    the textual inversions by their names. `loras` are kept by whoever draws with them, `stack` are their
    weights; `own_vae` is what the work asks for in place of the model's. `second` is the kit of the second
    pass, `upscaler` what enlarges the drawing before it, `controls` the ControlNets in the work's order.
    """

    model: Model
    seconds: float = 0.0
    embeddings: Mapping[str, Embedding] = field(default_factory=dict)
    loras: tuple[LoraFile, ...] = ()
    stack: Stack = ()
    own_vae: Any = None
    second: "Kit | None" = None
    upscaler: Upscaler | None = None
    controls: tuple[ControlPart, ...] = ()

    @property
    def vae(self) -> Any:
        """The autoencoder that this work is encoded and decoded with."""
        return self.model.vae if self.own_vae is None else self.own_vae

    @property
    def pausable(self) -> list[torch.nn.Module]:
        """The networks that are asked before, between and after the steps: long work pauses inside them."""
        parts = [part for name, part in self.model.parts.items() if name not in _STEPPED]
        parts += [self.vae, self.upscaler.network.model] if self.upscaler is not None else [self.vae]
        networks = [part for part in parts if isinstance(part, torch.nn.Module)]
        return list(dict.fromkeys(networks + (self.second.pausable if self.second is not None else [])))

    @property
    def worn(self) -> Weights:
        """The LoRAs on the denoiser: works that differ in them share no forward."""
        return self.model.layers.worn(self.stack)


def needs(work: Work) -> Iterator[Need]:
    """What the work needs, in the order to load it."""
    yield Need("model", work.model)
    if work.vae is not None:
        yield Need("vae", work.vae)
    for lora in first_loras(work):
        yield Need("lora", lora.model, work.model)
    for embedding in work.embeddings:
        yield Need("embedding", embedding)
    for control in work.controls:
        yield Need("controlnet", control.model)
    if (upscaler := _upscaler(work)) is not None:
        yield Need("upscaler", upscaler)
    if (second := second_work(work)) is not None:
        yield from needs(second)


def paths_of(work: Work) -> set[str]:
    """The files and folders that must stay in memory while the work is drawn."""
    return {need.ref.path for need in needs(work)}


def gather(work: Work, shelf: Shelf, seconds: float = 0.0) -> Kit:
    """The work's kit from what the shelf holds. Raises KeyError when something of `needs` is not held, and
    ModelTrouble when something does not go with the model.
    """
    model = shelf.held("model", work.model)
    loras = tuple(shelf.held("lora", lora.model) for lora in first_loras(work))
    vae = None if work.vae is None else shelf.held("vae", work.vae)
    upscaler, second = _upscaler(work), second_work(work)
    return Kit(
        model,
        seconds,
        loras=loras,
        stack=_lay(work, model, loras),
        own_vae=None if vae is None else vae.fit(model.family, model.vae, model.dtype),
        embeddings={ref.name: shelf.held("embedding", ref) for ref in work.embeddings},
        second=None if second is None else gather(second, shelf),
        controls=tuple(shelf.held("controlnet", control.model) for control in work.controls),
        upscaler=None if upscaler is None else shelf.held("upscaler", upscaler),
    )


def _upscaler(work: Work) -> ModelRef | None:
    """The network that enlarges the first pass's drawing."""
    second = work.second
    return second.upscaler if second is not None and second.upscale_method == "model" else None


def _lay(work: Work, model: Model, loras: Iterable[LoraFile]) -> Stack:
    """Make the work's LoRAs ready over its model, and say with which weights. The same one twice is one with
    both weights. Raises ModelTrouble.
    """
    weights: dict[str, tuple[float, float]] = {}
    for lora, asked in zip(loras, first_loras(work), strict=True):
        model.layers.attach(lora)
        weight, text = weights.get(lora.key, (0.0, 0.0))
        weights[lora.key] = (weight + asked.weight, text + asked.text_weight)
    return stack_of(weights)
