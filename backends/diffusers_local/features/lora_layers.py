"""LoRAs over one model: put in and taken out between two forwards, without touching the model's own numbers.

diffusers' loaders put a layer around each module that a LoRA changes. Those layers are kept aside here and
only the ones that a forward needs stand in the model's tree: a request without a LoRA runs through the very
modules it was loaded with, and pays and inherits nothing. Changing a set is a matter of dictionary entries.
"""

import copy
import itertools
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

import diffusers
import torch
from peft.tuners.tuners_utils import BaseTunerLayer

from backends.diffusers_local.families import Family
from backends.diffusers_local.features.lora import LoraFile
from backends.diffusers_local.loading.weights import ModelTrouble

_PLANS = 16
_numbers = itertools.count(1)


class Worn(NamedTuple):
    """One LoRA of a request: its file's key, its weight on the denoiser and on the text encoders."""

    key: str
    weight: float
    text_weight: float


Stack = tuple[Worn, ...]
"""The LoRAs of a request in their order: sums of floats depend on it."""

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


@dataclass(slots=True)
class Made:
    """What a loader made of a LoRA's file: for each part its layers by the names of the modules they go
    around; how many tensors, and their bytes.
    """

    adapter: str
    layers: dict[str, dict[str, Any]]
    tensors: int
    size: int


class LoraLayers:
    """All LoRAs laid over one model. `parts` are its components by name, `device` where they compute. Lives
    on the engine's thread. `around_reading` is entered whenever prompts are read.
    """

    def __init__(self, family: Family, parts: Mapping[str, Any], device: torch.device) -> None:
        self._family = family
        self._device = device
        self.around_reading: Callable[[], AbstractContextManager[None]] = nullcontext
        self._parts = parts
        kind = getattr(diffusers, family.pipelines[0])
        self._mixin = next((base for base in kind.__mro__ if _is_loader(base)), None)
        loadable = getattr(self._mixin, "_lora_loadable_modules", ())
        self._layers = {name: PartLayers(parts[name]) for name in loadable if parts.get(name) is not None}
        self._names: dict[str, str] = {}
        self._sizes: dict[str, int] = {}
        self._places: dict[str, frozenset[str]] = {}
        self._holders: dict[str, weakref.WeakSet[LoraFile]] = {}
        self._loose: deque[str] = deque()

    def __contains__(self, key: str) -> bool:
        return key in self._names

    def bytes_of(self, key: str) -> int:
        """Bytes this LoRA takes over this model."""
        return self._sizes.get(key, 0)

    def ready(self, lora: LoraFile) -> bool:
        """Whether `attach` has nothing left to do that takes time."""
        return lora.key in self._names or self in lora.made

    def make(self, lora: LoraFile) -> None:
        """The long part of `attach`, which leaves the model as it is and may run in any thread.

        Raises ModelTrouble with a sentence that names the LoRA.
        """
        if self.ready(lora):
            return
        if self._mixin is None:
            raise ModelTrouble(
                f"LoRAs like {lora.ref.name!r} cannot be laid over {self._family.name} models."
            )
        try:
            with torch.inference_mode(False):  # tensors made inside of it never ask for a gradient
                lora.made[self] = self._make(lora, f"lora{next(_numbers)}")
        except Exception as error:
            # the traceback would keep the LoRA's tensors in memory
            error.__traceback__ = None
            raise ModelTrouble(self._misfit(lora, _first_line(error))) from None

    def attach(self, lora: LoraFile) -> None:
        """Make a LoRA ready to be worn; the model is as before when it does not fit.

        Raises ModelTrouble with a sentence that names the LoRA.
        """
        self.sweep()
        self.make(lora)
        made = lora.made.pop(self, None)
        if made is not None:
            self._take(lora, made)
        holders = self._holders.setdefault(lora.key, weakref.WeakSet())
        if lora not in holders:
            holders.add(lora)
            lora.layers.add(self)
            weakref.finalize(lora, _outlive, weakref.ref(self), lora.key)

    def _take(self, lora: LoraFile, made: Made) -> None:
        if lora.key in self._names:
            return  # of the same file, by way of another reading of it
        try:
            for name, layers in made.layers.items():
                self._layers[name].check(layers)
        except ModelTrouble as trouble:
            raise ModelTrouble(self._misfit(lora, str(trouble))) from None
        for name, layers in made.layers.items():
            self._layers[name].take(made.adapter, layers)
        self._names[lora.key] = made.adapter
        self._sizes[lora.key] = made.size
        self._places[lora.key] = frozenset(name for name, layers in made.layers.items() if layers)

    def sweep(self) -> None:
        """Forget the LoRAs that neither the shelf nor a row holds any more."""
        while self._loose:
            key = self._loose.popleft()
            if not self._holders.get(key):
                self._holders.pop(key, None)
                self._detach(key)

    def _detach(self, key: str) -> None:
        adapter = self._names.pop(key, None)
        if adapter is not None:
            self._sizes.pop(key, None)
            self._places.pop(key, None)
            for layers in self._layers.values():
                layers.wear(tuple(worn for worn in layers.worn if worn[0] != adapter))
                layers.drop(adapter)

    def lay(self, stack: Stack) -> None:
        """The denoiser's next forward is under these LoRAs, and under no others. Cheap when it is already."""
        for name, layers in self._layers.items():
            if not _reads(name):
                layers.wear(self._weights(stack, name))

    @contextmanager
    def reading(self, stack: Stack) -> Iterator[None]:
        """Prompts read inside are read under these LoRAs; afterwards under none, whatever happened."""
        with self.around_reading(), self._on_texts(stack):
            yield

    @contextmanager
    def _on_texts(self, stack: Stack) -> Iterator[None]:
        texts = {name: layers for name, layers in self._layers.items() if _reads(name)}
        try:
            for name, layers in texts.items():
                layers.wear(self._weights(stack, name))
            yield
        finally:
            for layers in texts.values():
                layers.wear(())

    @contextmanager
    def wearing(self, stack: Stack) -> Iterator[None]:
        """Both: a whole pipeline runs inside under these LoRAs."""
        with self._on_texts(stack):
            self.lay(stack)
            yield

    def worn(self, stack: Stack) -> Weights:
        """What of these LoRAs acts on the denoiser, by their files' keys: rows that differ in it can share no
        forward.
        """
        return tuple(
            (worn.key, worn.weight)
            for worn in stack
            if worn.weight and any(not _reads(part) for part in self._places[worn.key])
        )

    @property
    def read_under(self) -> Hashable:
        """What a prompt read now depends on beside its words: belongs into the key of remembered prompts."""
        return tuple((name, layers.worn) for name, layers in self._layers.items() if layers.worn)

    def _weights(self, stack: Stack, part: str) -> Weights:
        reads = _reads(part)
        return tuple(
            (self._names[worn.key], worn.text_weight if reads else worn.weight)
            for worn in stack
            if part in self._places[worn.key] and (worn.text_weight if reads else worn.weight)
        )

    def _make(self, lora: LoraFile, adapter: str) -> Made:
        """Let diffusers load a LoRA into a twin of the model. Raises whatever it raises, and ModelTrouble."""
        mixin: Any = self._mixin
        twins = {name: _twin(layers.module) for name, layers in self._layers.items()}
        parts = {**self._parts, **twins}
        loader = type("Loader", (mixin,), {"components": twins, "hf_device_map": None})()
        for name, part in parts.items():
            setattr(loader, name, part)
        tensors = lora.tensors()
        expected = _count(mixin, tensors, parts)
        loader.load_lora_weights(tensors, adapter_name=adapter)
        made = Made(adapter, {name: _layers_in(twin) for name, twin in twins.items()}, 0, 0)
        for layers in made.layers.values():
            for layer in layers.values():
                self._settle(made, layer)
        if made.tensors != expected or not expected:
            raise ModelTrouble(f"{made.tensors} of its {expected} tensors find their place")
        return made

    def _settle(self, made: Made, layer: Any) -> None:
        layer.eval()
        for kind in dict.fromkeys(layer.adapter_layer_names):  # PEFT's DoRA names one twice
            inner = getattr(layer, kind)
            inner.to(self._device)
            for tensor in inner.parameters():
                # never trained, but so the stock pipelines leave them, and PyTorch multiplies what may ask
                # for a gradient by another algorithm, with another last bit
                tensor.requires_grad_(True)
                made.tensors += 1
                made.size += tensor.numel() * tensor.element_size()

    def _misfit(self, lora: LoraFile, why: str) -> str:
        made = f" It says it was made for {lora.made_for}." if lora.made_for else ""
        return f"The LoRA {lora.ref.name!r} does not fit this {self._family.name} model: {why}.{made}"


def _layers_in(twin: torch.nn.Module) -> dict[str, Any]:
    return {name: module for name, module in twin.named_modules() if isinstance(module, BaseTunerLayer)}


def stack_of(loras: Mapping[str, tuple[float, float]]) -> Stack:
    """A request's LoRAs by key with their two weights, without those that do nothing."""
    return tuple(Worn(key, *weights) for key, weights in loras.items() if any(weights))


def _outlive(layers: "weakref.ref[LoraLayers]", key: str) -> None:
    """A LoRA is gone. This may happen in any thread and amid a forward: it is only noted here."""
    model = layers()
    if model is not None:
        model._loose.append(key)


def _is_loader(kind: type) -> bool:
    return kind.__module__ == "diffusers.loaders.lora_pipeline" and "load_lora_weights" in vars(kind)


def _reads(part: str) -> bool:
    """Whether this component reads prompts."""
    return part.startswith("text_encoder")


def _count(mixin: Any, tensors: Mapping[str, torch.Tensor], parts: Mapping[str, Any]) -> int:
    """How many tensors the loader makes of a file's, its scales (alpha) not counted."""
    given = dict(tensors)
    extra = {"unet_config": parts["unet"].config} if "unet" in parts else {}
    answer = mixin.lora_state_dict(given, **extra)
    state = answer[0] if isinstance(answer, tuple) else answer
    return sum(1 for name in state if not name.endswith("alpha"))


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = next((line for line in lines if "size mismatch" in line), lines[0] if lines else repr(error))
    return told.rstrip(".")[:300]
