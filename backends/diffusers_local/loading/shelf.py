"""The models in memory: least recently used ones go first, those at work never."""

import gc
import time
from collections import OrderedDict
from collections.abc import Collection
from pathlib import Path

import torch

from backends.contract import ModelRef
from backends.diffusers_local.loading.folders import bytes_of
from backends.diffusers_local.loading.model import Model, load_model, stamp_of


class Shelf:
    """Holds up to `budget` bytes of models, always at least the one in use."""

    def __init__(self, device: torch.device, dtype: torch.dtype, budget: int) -> None:
        self._device = device
        self._dtype = dtype
        self._budget = budget
        self._models: OrderedDict[str, Model] = OrderedDict()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the models held, least recently used first."""
        return tuple(model.ref.name for model in self._models.values())

    def find(self, ref: ModelRef) -> Model | None:
        """The model, if it is held and its files have not changed since."""
        model = self._models.get(ref.path)
        if model is None or model.key != f"{ref.path}@{stamp_of(Path(ref.path))}":
            return None
        self._models.move_to_end(ref.path)
        return model

    def load(self, ref: ModelRef, pinned: Collection[str]) -> tuple[Model, float]:
        """Load a model that is not held, and the seconds it took; makes room first, but never of `pinned`
        paths.

        Raises folders.ModelTrouble.
        """
        begun = time.perf_counter()
        self._models.pop(ref.path, None)
        needed = bytes_of(Path(ref.path))
        while self._models and sum(model.size for model in self._models.values()) + needed > self._budget:
            loose = next((path for path in self._models if path not in pinned), None)
            if loose is None:
                break
            del self._models[loose]
        _collect()
        model = load_model(ref, self._device, self._dtype)
        self._models[ref.path] = model
        return model, time.perf_counter() - begun

    def free(self, pinned: Collection[str]) -> None:
        """Let go of every model that is not pinned."""
        for path in [path for path in self._models if path not in pinned]:
            del self._models[path]
        _collect()


def _collect() -> None:
    """Give memory back, which only works after the last reference is gone."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
