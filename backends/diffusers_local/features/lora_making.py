"""From a LoRA's tensors to layers for a model, made by diffusers' loaders on a twin of it."""

import copy
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from peft.tuners.tuners_utils import BaseTunerLayer

from backends.diffusers_local.loading.weights import ModelTrouble


@dataclass(slots=True)
class Made:
    """What a loader made of a LoRA's file: for each part its layers by the names of the modules they go
    around; how many tensors, and their bytes.
    """

    adapter: str
    layers: dict[str, dict[str, Any]]
    tensors: int
    size: int


def make_layers(
    mixin: Any,
    parts: Mapping[str, Any],
    loadable: Collection[str],
    tensors: dict[str, torch.Tensor],
    adapter: str,
    device: torch.device,
) -> Made:
    """Let diffusers' loader load a LoRA's tensors into twins of a model's loadable parts.

    Raises whatever it raises, and ModelTrouble when not every tensor finds its place.
    """
    twins = {name: _twin(parts[name]) for name in loadable}
    parts = {**parts, **twins}
    loader = type("Loader", (mixin,), {"components": twins, "hf_device_map": None})()
    for name, part in parts.items():
        setattr(loader, name, part)
    expected = _count(mixin, tensors, parts)
    loader.load_lora_weights(tensors, adapter_name=adapter)
    made = Made(adapter, {name: _layers_in(twin) for name, twin in twins.items()}, 0, 0)
    for layers in made.layers.values():
        for layer in layers.values():
            _settle(made, layer, device)
    if made.tensors != expected or not expected:
        raise ModelTrouble(f"{made.tensors} of its {expected} tensors find their place")
    return made


def _settle(made: Made, layer: Any, device: torch.device) -> None:
    layer.eval()
    for kind in dict.fromkeys(layer.adapter_layer_names):  # PEFT's DoRA names one twice
        inner = getattr(layer, kind)
        inner.to(device)
        for tensor in inner.parameters():
            # never trained, but so the stock pipelines leave them, and PyTorch multiplies what may ask
            # for a gradient by another algorithm, with another last bit
            tensor.requires_grad_(True)
            made.tensors += 1
            made.size += tensor.numel() * tensor.element_size()


def _twin(module: torch.nn.Module) -> torch.nn.Module:
    """The same tree of the same innermost modules, without any LoRA layer: what is put into it changes
    nothing of the model, whatever runs through that meanwhile.
    """
    twin = copy.copy(module)
    twin.__dict__.pop("_hf_hook", None)  # an offload's hook belongs to the model
    twin._modules = {}
    for name, child in module._modules.items():
        inner = child.get_base_layer() if isinstance(child, BaseTunerLayer) else child
        twin._modules[name] = None if inner is None else _twin(inner) if inner._modules else _innermost(inner)
    return twin


def _innermost(module: torch.nn.Module) -> torch.nn.Module:
    """The module itself or, where its numbers are elsewhere until it runs, one of its shape without any."""
    if not any(tensor.is_meta for tensor in module._parameters.values() if tensor is not None):
        return module
    shape = copy.copy(module)
    shape.__dict__.pop("_hf_hook", None)
    shape._parameters = {
        name: None
        if tensor is None
        else torch.nn.Parameter(torch.zeros((), dtype=tensor.dtype).expand(tensor.shape), requires_grad=False)
        for name, tensor in module._parameters.items()
    }
    return shape


def _layers_in(twin: torch.nn.Module) -> dict[str, Any]:
    return {name: module for name, module in twin.named_modules() if isinstance(module, BaseTunerLayer)}


def _count(mixin: Any, tensors: Mapping[str, torch.Tensor], parts: Mapping[str, Any]) -> int:
    """How many tensors the loader makes of a file's, its scales (alpha) not counted."""
    given = dict(tensors)
    extra = {"unet_config": parts["unet"].config} if "unet" in parts else {}
    answer = mixin.lora_state_dict(given, **extra)
    state = answer[0] if isinstance(answer, tuple) else answer
    return sum(1 for name in state if not name.endswith("alpha"))
