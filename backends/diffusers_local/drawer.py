"""The engine inside its worker process: the control thread's side, and the start of the engine's thread."""

import gc
import os
import threading
from pathlib import Path

import diffusers
import torch
import transformers

from backends.contract import Command, Emit, Log, Ready
from backends.diffusers_local.engine import ENGINE, DiffusersSettings
from backends.diffusers_local.loading.shelf import Shelf
from backends.diffusers_local.loop import Loop
from backends.spawn import KEEP

_STOP_SECONDS = 2.0


class DiffusersDrawer:
    """A contract.Drawer over one Loop on one device."""

    def __init__(self, settings: DiffusersSettings, emit: Emit) -> None:
        self._settings = settings
        self._emit = emit
        self._loop: Loop | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Choose the device, start the engine's thread and say Ready. Raises RuntimeError for a device that
        is none.
        """
        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
        diffusers.logging.set_verbosity_error()
        diffusers.logging.disable_progress_bar()
        device = _device(self._settings.device)
        dtype = _dtype(self._settings.dtype, device)
        shelf = Shelf(device, dtype, _budget(self._settings.memory_gib, device))
        # the libraries' many objects stay: steps must not be stalled by a collector looking at them again
        gc.collect()
        gc.freeze()
        keep = os.environ.get(KEEP)
        loop = self._loop = Loop(
            shelf, self._emit, Path(keep) if keep else None, f"{_named(device)}, {dtype}"
        )
        self._thread = threading.Thread(target=self._run, args=(loop,), name="engine", daemon=True)
        self._thread.start()
        self._emit(Ready(_named(device), ENGINE.features, ENGINE.samplers, ENGINE.schedulers))

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


def _device(name: str) -> torch.device:
    if name != "auto":
        device = torch.device(name)
        torch.empty(
            1, device=device
        )  # raises now and with the library's own words when there is no such device
        return device
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _dtype(name: str, device: torch.device) -> torch.dtype:
    """Half precision where it is the fast one; float32 elsewhere."""
    if name == "auto":
        return torch.float16 if device.type == "cuda" else torch.float32
    kinds = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
    if name not in kinds:
        raise RuntimeError(f"The setting dtype is {name!r}; it can be auto, {', '.join(kinds)}.")
    return kinds[name]


def _budget(gib: float, device: torch.device) -> int:
    """Bytes of models to keep."""
    if gib > 0:
        return int(gib * 2**30)
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory * 0.7)
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (AttributeError, ValueError, OSError):
        return 4 * 2**30


def _named(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type}, {torch.get_num_threads()} threads" if device.type == "cpu" else device.type
