"""The engine inside its worker process: the control thread's side, and the start of the engine's thread."""

import gc
import os
import sys
import threading
from pathlib import Path

import diffusers
import torch
import transformers

from backends.contract import KEEP, Command, Emit, Log, Ready
from backends.diffusers_local.devices import Found, budget, choose, dtype_of, look
from backends.diffusers_local.engine import ENGINE
from backends.diffusers_local.loading.attention import check
from backends.diffusers_local.loading.shelf import Shelf
from backends.diffusers_local.loading.tuning import Tuning
from backends.diffusers_local.loop.loop import Loop
from backends.diffusers_local.settings import DiffusersSettings

_STOP_SECONDS = 2.0


class DiffusersDrawer:
    """A contract.Drawer over one Loop on one device."""

    def __init__(self, settings: DiffusersSettings, emit: Emit) -> None:
        self._settings = settings
        self._emit = emit
        self._loop: Loop | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Choose the device, start the engine's thread and say Ready. Raises RuntimeError with a sentence for
        settings that this machine cannot follow.
        """
        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
        diffusers.logging.set_verbosity_error()
        diffusers.logging.disable_progress_bar()
        found = choose(self._settings.device, look())
        if self._settings.threads:
            torch.set_num_threads(self._settings.threads)
        dtype = dtype_of(self._settings.dtype, found)
        shelf = Shelf(
            found.device, dtype, budget(self._settings.memory_gib, found), tuned(self._settings, found)
        )
        _share_the_interpreter()
        keep = os.environ.get(KEEP)
        loop = self._loop = Loop(
            shelf,
            self._emit,
            Path(keep) if keep else None,
            f"{_named(found)}, {dtype}",
            self._settings.previews,
        )
        self._thread = threading.Thread(target=self._run, args=(loop,), name="engine", daemon=True)
        self._thread.start()
        self._emit(Ready(_named(found), ENGINE.features, ENGINE.samplers, ENGINE.schedulers))

    def handle(self, command: Command) -> None:
        """Pass the command on; the engine's thread takes it before its next step."""
        if self._loop is not None:
            self._loop.inbox.append(command)
            self._loop.wake.set()

    def stop(self) -> None:
        """Let the running step finish."""
        if self._loop is not None and self._thread is not None:
            self._loop.stopping = True
            self._loop.wake.set()
            self._thread.join(_STOP_SECONDS)

    def _run(self, loop: Loop) -> None:
        """An error that escapes the loop ends the process: the hub notices, gives the works back and starts
        anew.
        """
        try:
            loop.run()
        except BaseException as error:
            self._emit(Log("error", f"The engine's thread ended: {type(error).__name__}: {error}"))
            os._exit(70)


def _share_the_interpreter() -> None:
    """Let nothing keep the engine's thread from its steps for long.

    A thread that loads a model is Python code for the most part, and the engine asks for the interpreter
    again after every operation: with the usual 5 ms a step of 8 ms took a second at worst, so 20. And a
    collector that looks at the libraries' many objects again, which stay anyway, takes a quarter of a second.
    """
    sys.setswitchinterval(0.0005)
    gc.collect()
    gc.freeze()


def tuned(settings: DiffusersSettings, found: Found) -> Tuning:
    """What the settings ask of everything loaded. Raises NoAttention for what this device cannot do."""
    check(settings.attention, found.device)
    return Tuning(
        found.device,
        settings.offload,
        settings.attention,
        settings.compile == "on",
        settings.channels_last,
        settings.vae_slicing,
        settings.vae_tiling,
    )


def _named(found: Found) -> str:
    return f"cpu, {torch.get_num_threads()} threads" if found.kind == "cpu" else found.title
