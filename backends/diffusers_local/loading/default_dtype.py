"""Keeps PyTorch's default dtype what it is while anybody computes.

The libraries that load models set it to half precision while they build one, for the whole process, and leave
it so when that fails; a sampler that makes a tensor in that moment on another thread gets one it cannot use.
So the thread that loads may change it only while the engine's thread stands between two turns.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

_PATIENCE = 600.0  # seconds; who never comes back from building a model must not stop the engine for ever


class DtypeDoor:
    """The door between the two threads. `wake()` brings the engine's thread to its next turn."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._usual = torch.get_default_dtype()
        self._waiting = threading.Event()
        self._opened = threading.Event()
        self._through = threading.Event()

    def let_through(self) -> None:
        """On the engine's thread, between two turns: wait while a model is being built, if one is."""
        if self._waiting.is_set():
            self._opened.set()
            self._through.wait(_PATIENCE)

    @contextmanager
    def loading(self) -> Iterator[None]:
        """On the thread that loads: whatever changes the default inside goes through the door."""
        change, own = torch.set_default_dtype, threading.current_thread()

        def guarded(dtype: Any) -> None:
            if threading.current_thread() is not own or dtype == torch.get_default_dtype():
                change(dtype)
            elif dtype != self._usual:
                self._enter()
                change(dtype)
            else:
                change(dtype)
                self._leave()

        torch.set_default_dtype = guarded
        try:
            yield
        finally:
            torch.set_default_dtype = change
            change(self._usual)
            self._leave()

    def _enter(self) -> None:
        self._through.clear()
        self._opened.clear()  # a late answer to the last time must not count for this one
        self._waiting.set()
        self._wake()
        self._opened.wait(_PATIENCE)

    def _leave(self) -> None:
        self._waiting.clear()
        self._opened.clear()
        self._through.set()
