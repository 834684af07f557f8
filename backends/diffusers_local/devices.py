"""Where an engine computes, with which numbers, and how much of loaded models it may keep there."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

_CGROUP = Path("/sys/fs/cgroup/memory.max")
_DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
_KEPT_ON_CARD = 0.7  # of its memory; the rest is for what forwards need
_KEPT_ON_MACHINE = 0.5
_UNKNOWN = 4 << 30


class BadDevice(RuntimeError):
    """A setting asks for a device or numbers that this machine has not; the text is a sentence."""


@dataclass(frozen=True, slots=True)
class Found:
    """One device of this machine. `kind` is cpu, cuda, rocm, mps or xpu, `index` its number among its kind.

    `memory` is its bytes (0: unknown), `wide` whether it computes in bfloat16.
    """

    kind: str
    index: int = 0
    name: str = ""
    memory: int = 0
    wide: bool = False

    @property
    def device(self) -> torch.device:
        """As PyTorch names it: ROCm's cards go by the name of CUDA's there."""
        if self.kind in ("cpu", "mps"):
            return torch.device(self.kind)
        return torch.device("cuda" if self.kind == "rocm" else self.kind, self.index)

    @property
    def title(self) -> str:
        """What an administrator sees."""
        place = self.kind if self.kind in ("cpu", "mps") else f"{self.kind}:{self.index}"
        return f"{self.name} ({place})" if self.name else place


def look() -> list[Found]:
    """Every device here, the fastest kinds first, the processor last."""
    return [*_cards(), *_intel_cards(), *_apple(), _processor()]


def choose(wanted: str, found: Sequence[Found]) -> Found:
    """The device a setting means: "auto" is the first, "cuda" and "rocm" the first card, "cuda:1" the second.

    Raises BadDevice with the names of those that are there.
    """
    asked = wanted.strip().lower()
    if asked == "auto":
        return found[0]
    kind, colon, number = asked.partition(":")
    for device in found:
        same = kind == device.kind or (kind == "cuda" and device.kind == "rocm")
        if same and (not colon or number == str(device.index)):
            return device
    there = ", ".join(device.title for device in found)
    raise BadDevice(f"The setting device is {wanted!r}; it can be auto or one of this machine's: {there}.")


def dtype_of(wanted: str, found: Found) -> torch.dtype:
    """The numbers that UNets compute with: half of float32's width wherever there is a card.

    Raises BadDevice.
    """
    if wanted == "auto":
        return torch.float32 if found.kind == "cpu" else torch.float16
    if wanted not in _DTYPES:
        raise BadDevice(f"The setting dtype is {wanted!r}; it can be auto, {', '.join(_DTYPES)}.")
    if wanted == "bfloat16" and not found.wide:
        raise BadDevice(f"The setting dtype is 'bfloat16', which {found.title} does not compute in.")
    return _DTYPES[wanted]


def budget(gib: float, found: Found) -> int:
    """Bytes of loaded models to keep; `gib` is the setting, 0 for most of what the device has."""
    if gib > 0:
        return int(gib * 2**30)
    if not found.memory:
        return _UNKNOWN
    return int(found.memory * (_KEPT_ON_MACHINE if found.kind in ("cpu", "mps") else _KEPT_ON_CARD))


def _wide(device: torch.device) -> bool:
    """Whether a device computes in bfloat16 itself, not by way of float32."""
    if device.type == "cuda":
        return bool(torch.version.hip) or torch.cuda.get_device_capability(device) >= (8, 0)
    return device.type in ("cpu", "xpu")


def _cards() -> list[Found]:
    if not torch.cuda.is_available():
        return []
    kind = "rocm" if torch.version.hip else "cuda"
    cards = []
    for index in range(torch.cuda.device_count()):
        about = torch.cuda.get_device_properties(index)
        wide = _wide(torch.device("cuda", index))
        cards.append(Found(kind, index, str(about.name), int(about.total_memory), wide))
    return cards


def _intel_cards() -> list[Found]:
    if not (hasattr(torch, "xpu") and torch.xpu.is_available()):
        return []
    abouts = [torch.xpu.get_device_properties(index) for index in range(torch.xpu.device_count())]
    return [
        Found("xpu", index, str(about.name), int(about.total_memory), wide=True)
        for index, about in enumerate(abouts)
    ]


def _apple() -> list[Found]:
    if not torch.backends.mps.is_available():
        return []
    return [Found("mps", 0, "Apple", int(torch.mps.recommended_max_memory()))]


def _processor() -> Found:
    return Found("cpu", 0, "", _machine_memory(), wide=True)


def _machine_memory() -> int:
    """Bytes of the machine, or of the container if that has less; 0 when nobody tells."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0
    try:
        return min(memory, int(_CGROUP.read_text()))
    except (OSError, ValueError):
        return memory
