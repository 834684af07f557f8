"""The LoRA layers of one component of a model, put into its tree and taken out of it."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from backends.diffusers_local.loading.weights import ModelTrouble

_PLANS = 16

Weights = tuple[tuple[str, float], ...]
"""Adapter names and weights of one component."""


@dataclass(slots=True)
class _Place:
    """Where a LoRA layer goes: `parent` holds `own` or, while a LoRA acts, `layer` under the name `child`."""

    parent: torch.nn.Module
    child: str
    own: torch.nn.Module
    layer: Any

    def adapters(self) -> set[str]:
        """Names of the adapters this layer has."""
        return {name for kind in self.layer.adapter_layer_names for name in getattr(self.layer, kind)}

    def put(self, module: torch.nn.Module) -> None:
        self.parent._modules[self.child] = module


class PartLayers:
    """The LoRA layers of one component of a model."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self._places: dict[str, _Place] = {}
        self._plans: OrderedDict[Weights, list[tuple[_Place, list[tuple[str, float]]]]] = OrderedDict()
        self.worn: Weights = ()

    def check(self, layers: Mapping[str, Any]) -> None:
        """Refuse what cannot share a layer with what is here. Raises ModelTrouble."""
        for name, layer in layers.items():
            place = self._places.get(name)
            if place is not None and type(place.layer) is not type(layer):
                raise ModelTrouble("it is of another kind than one that lies over the same model now")

    def take(self, adapter: str, layers: Mapping[str, Any]) -> None:
        """Keep checked layers of a new adapter for the modules they are named after."""
        self._plans.clear()
        for name, layer in layers.items():
            place = self._places.get(name)
            if place is not None:
                _join(place.layer, layer, adapter)
                continue
            above, _, child = name.rpartition(".")
            parent = self.module.get_submodule(above)
            layer.base_layer = parent._modules[child]
            self._places[name] = _Place(parent, child, layer.base_layer, layer)

    def wear(self, weights: Weights) -> None:
        """Let these adapters act, in this order; none for an empty tuple."""
        if weights == self.worn:
            return
        before, self.worn = self.worn, weights
        for place, _ in self._plan(before):
            place.put(place.own)
        for place, active in self._plan(weights):
            place.layer._active_adapter = [name for name, _ in active]
            for name, weight in active:
                place.layer.set_scale(name, weight)
            place.put(place.layer)

    def drop(self, adapter: str) -> None:
        """Forget an adapter that nothing wears, and every layer that has no other."""
        self._plans.clear()
        for name, place in list(self._places.items()):
            for kind in _kinds(place.layer):
                held = getattr(place.layer, kind)
                if adapter in held:
                    del held[adapter]
            if not place.adapters():
                del self._places[name]

    def _plan(self, weights: Weights) -> list[tuple[_Place, list[tuple[str, float]]]]:
        plan = self._plans.get(weights)
        if plan is None:
            found = [
                (place, [(name, weight) for name, weight in weights if name in adapters])
                for place in self._places.values()
                if (adapters := place.adapters())
            ]
            plan = self._plans[weights] = [(place, active) for place, active in found if active]
            if len(self._plans) > _PLANS:
                self._plans.popitem(last=False)
        return plan


def _kinds(layer: Any) -> list[str]:
    """The attributes of a PEFT layer that hold something of each of its adapters."""
    named = (*layer.adapter_layer_names, *layer.other_param_names, "lora_variant")
    return [kind for kind in dict.fromkeys(named) if hasattr(layer, kind)]


def _join(layer: Any, other: Any, adapter: str) -> None:
    """Let a layer have another's adapter too, as if it had been loaded into it."""
    for kind in _kinds(layer):
        theirs = getattr(other, kind)
        if adapter in theirs:
            getattr(layer, kind)[adapter] = theirs[adapter]
