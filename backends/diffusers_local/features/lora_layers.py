"""LoRAs over one model: put in and taken out between two forwards, without touching the model's own numbers.

diffusers' loaders put a layer around each module that a LoRA changes. Those layers are kept aside here and
only the ones that a forward needs stand in the model's tree: a request without a LoRA runs through the very
modules it was loaded with, and pays and inherits nothing. Changing a set is a matter of dictionary entries.
"""

import itertools
import weakref
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NamedTuple

import diffusers
import torch

from backends.diffusers_local.families import Family
from backends.diffusers_local.features.lora import LoraFile
from backends.diffusers_local.features.lora_making import Made, make_layers
from backends.diffusers_local.features.lora_parts import PartLayers, Weights
from backends.diffusers_local.loading.weights import ModelTrouble

_numbers = itertools.count(1)


class Worn(NamedTuple):
    """One LoRA of a request: its file's key, its weight on the denoiser and on the text encoders."""

    key: str
    weight: float
    text_weight: float


Stack = tuple[Worn, ...]
"""The LoRAs of a request in their order: sums of floats depend on it."""


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
                adapter = f"lora{next(_numbers)}"
                lora.made[self] = make_layers(
                    self._mixin, self._parts, self._layers.keys(), lora.tensors(), adapter, self._device
                )
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

    def _misfit(self, lora: LoraFile, why: str) -> str:
        made = f" It says it was made for {lora.made_for}." if lora.made_for else ""
        return f"The LoRA {lora.ref.name!r} does not fit this {self._family.name} model: {why}.{made}"


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


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = next((line for line in lines if "size mismatch" in line), lines[0] if lines else repr(error))
    return told.rstrip(".")[:300]
