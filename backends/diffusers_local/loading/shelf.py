"""What is in memory: least recently used things go first, those at work never."""

import gc
import time
from collections import OrderedDict
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch

from backends.contract import ModelRef
from backends.diffusers_local.loading.folders import bytes_of
from backends.diffusers_local.loading.model import stamp_of
from backends.diffusers_local.loading.parts import LOADERS, Part


class Shelf:
    """Holds up to `budget` bytes of models and of what goes with them, always at least what is in use."""

    def __init__(self, device: torch.device, dtype: torch.dtype, budget: int) -> None:
        self._device = device
        self._dtype = dtype
        self._budget = budget
        self._parts: OrderedDict[tuple[str, str], Part] = OrderedDict()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the models held, least recently used first."""
        return tuple(part.ref.name for (kind, _), part in self._parts.items() if kind == "model")

    def find(self, kind: str, ref: ModelRef) -> Any | None:
        """The thing, if it is held and its files have not changed since."""
        part = self._parts.get((kind, ref.path))
        if part is None or part.key != f"{ref.path}@{stamp_of(Path(ref.path))}":
            return None
        self._parts.move_to_end((kind, ref.path))
        return part

    def held(self, kind: str, ref: ModelRef) -> Any:
        """The thing as it was loaded. Raises KeyError when it is not held."""
        return self._parts[kind, ref.path]

    def load(self, kind: str, ref: ModelRef, pinned: Collection[str]) -> tuple[Any, float]:
        """Load what is not held, and the seconds it took; makes room first, but never of `pinned` paths.

        Raises folders.ModelTrouble.
        """
        begun = time.perf_counter()
        self._parts.pop((kind, ref.path), None)
        needed = bytes_of(Path(ref.path))
        while self._parts and sum(part.size for part in self._parts.values()) + needed > self._budget:
            loose = next((key for key in self._parts if key[1] not in pinned), None)
            if loose is None:
                break
            del self._parts[loose]
        _collect()
        part = LOADERS[kind](ref, self._device, self._dtype)
        self._parts[kind, ref.path] = part
        return part, time.perf_counter() - begun

    def free(self, pinned: Collection[str]) -> None:
        """Let go of everything that is not pinned."""
        for key in [key for key in self._parts if key[1] not in pinned]:
            del self._parts[key]
        _collect()


def _collect() -> None:
    """Give memory back, which only works after the last reference is gone."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
