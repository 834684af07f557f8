"""What is in memory: least recently used things go first, those at work never."""

import gc
import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import torch

from backends.contract import ModelRef
from backends.diffusers_local.loading.parts import LOADERS, Part
from backends.diffusers_local.loading.tuning import Tuning
from backends.diffusers_local.loading.weights import bytes_of, stamp_of


class Shelf:
    """Holds up to `budget` bytes of models and of what goes with them, always at least what is in use.

    `tune` says what is set on each thing that was loaded. `load` and `free` may run in another thread than
    the rest, which is the engine's.
    """

    def __init__(
        self,
        device: torch.device,
        dtype: torch.dtype,
        budget: int,
        tune: Tuning | None = None,
    ) -> None:
        self.device = device
        self._dtype = dtype
        self._budget = budget
        self._tune = tune
        self._parts: OrderedDict[tuple[str, str], Part] = OrderedDict()
        self._lock = threading.RLock()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the models held, least recently used first."""
        with self._lock:
            return tuple(part.ref.name for (kind, _), part in self._parts.items() if kind == "model")

    @property
    def size(self) -> int:
        """Bytes of everything held."""
        with self._lock:
            return sum(part.size for part in self._parts.values())

    def find(self, kind: str, ref: ModelRef, over: ModelRef | None = None) -> Any | None:
        """The thing, if it is held and its files have not changed since; and has been made ready for the
        model it is to lie `over`.
        """
        stamp = stamp_of(Path(ref.path))
        with self._lock:
            part = self._parts.get((kind, ref.path))
            if part is None or part.key != f"{ref.path}@{stamp}":
                return None
            self._parts.move_to_end((kind, ref.path))
            model = self._under(over)
        return part if model is None or model.layers.ready(part) else None

    def held(self, kind: str, ref: ModelRef) -> Any:
        """The thing as it was loaded. Raises KeyError when it is not held."""
        with self._lock:
            return self._parts[kind, ref.path]

    def load(
        self, kind: str, ref: ModelRef, pinned: Collection[str], over: ModelRef | None = None
    ) -> tuple[Any, float]:
        """Load what is not held, and the seconds it took; makes room first, but never of `pinned` paths.
        A LoRA is also made ready for the model it is to lie `over`, if that is held.

        What was held of an older state of the same files goes first; rows that draw with it keep it.
        Raises folders.ModelTrouble.
        """
        begun = time.perf_counter()
        part = self.find(kind, ref) if over is not None else None
        if part is None:
            part = self._load_anew(kind, ref, pinned)
        with self._lock:
            model = self._under(over)
        if model is not None:
            model.layers.make(part)
        return part, time.perf_counter() - begun

    def _load_anew(self, kind: str, ref: ModelRef, pinned: Collection[str]) -> Part:
        needed = bytes_of(Path(ref.path), self._dtype.itemsize)
        with self._lock:
            self._parts.pop((kind, ref.path), None)
            self._make_room(needed, pinned)
        self.collect()
        part = self._load(kind, ref)
        with self._lock:
            self._parts[kind, ref.path] = part
        return part

    def _under(self, over: ModelRef | None) -> Any | None:
        """The model that something is to lie over, if it is held."""
        return None if over is None else self._parts.get(("model", over.path))

    def has_room(self, wanted: Iterable[tuple[str, ModelRef]], pinned: Collection[str]) -> bool:
        """Whether all of these fit beside what is pinned."""
        with self._lock:
            missing = [ref for kind, ref in wanted if (kind, ref.path) not in self._parts]
            kept = sum(part.size for (_, path), part in self._parts.items() if path in pinned)
        return kept + sum(bytes_of(Path(ref.path), self._dtype.itemsize) for ref in missing) <= self._budget

    def free(self, pinned: Collection[str]) -> None:
        """Let go of everything that is not pinned."""
        with self._lock:
            for key in [key for key in self._parts if key[1] not in pinned]:
                del self._parts[key]
        self.collect()

    def collect(self) -> None:
        """Give memory back, which only works after the last reference is gone."""
        gc.collect()
        empty_caches()

    def sweep(self) -> None:
        """Take off the models what lay over them and was let go: only between two forwards."""
        with self._lock:
            parts = list(self._parts.values())
        for part in parts:
            forget = getattr(part, "sweep", None)
            if forget is not None:
                forget()

    def _load(self, kind: str, ref: ModelRef) -> Part:
        """In a function of its own: what a failed load has made must have no name left afterwards."""
        try:
            if self._tune is None:
                return LOADERS[kind](ref, self.device, self._dtype)
            homes = {"home": self._tune.home} if kind == "model" else {}
            part = LOADERS[kind](ref, self.device, self._dtype, **homes)
            self._tune(kind, part)
        except Exception as error:
            _forget_frames(error)
            raise
        return part

    def _make_room(self, needed: int, pinned: Collection[str]) -> None:
        while self._parts and self.size + needed > self._budget:
            loose = next((key for key in self._parts if key[1] not in pinned), None)
            if loose is None:
                return
            del self._parts[loose]


def _forget_frames(error: BaseException | None) -> None:
    """Empty an error and all that led to it of their frames, which would keep half a model in memory."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


def empty_caches() -> None:
    """Give the device's unused memory back to others."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()
    elif hasattr(torch, "xpu") and torch.xpu.is_available():
        torch.xpu.empty_cache()
