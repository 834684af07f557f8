"""What this computer can compute on, as far as it matters for choosing a build of torch."""

import os
import platform
import shutil
import sys
import urllib.error
import urllib.request
from pathlib import Path

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
ANSWER_WITHIN_S = 3.0


def find_accelerator() -> str:
    """Return `cuda`, `rocm`, `mps` or `cpu`, judged by drivers on the disk; never loads one."""
    if sys.platform == "darwin":
        return "mps" if platform.machine() == "arm64" else "cpu"
    if shutil.which("nvidia-smi") or Path("/proc/driver/nvidia/version").exists():
        return "cuda"
    if Path("/dev/kfd").exists() or shutil.which("rocminfo") or Path("/opt/rocm").exists():
        return "rocm"
    return "cpu"


def torch_indexes(accelerator: str, platform_name: str = sys.platform) -> tuple[str, ...]:
    """Return package indexes to ask for torch in addition to the configured ones.

    Only Linux without an accelerator needs one: what PyPI carries there is built for CUDA and several GB.
    $HUB_TORCH_INDEX, when set, is the whole answer (empty: none), for other builds of torch.
    """
    chosen = os.environ.get("HUB_TORCH_INDEX")
    if chosen is not None:
        return (chosen,) if chosen else ()
    if accelerator == "cpu" and platform_name.startswith("linux") and answers(CPU_INDEX + "/torch/"):
        return (CPU_INDEX,)
    return ()


def answers(url: str, within_s: float = ANSWER_WITHIN_S) -> bool:
    """Tell whether `url` answers a HEAD request with success in time, through the environment's proxies."""
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310 - only our own https addresses come here
    try:
        with urllib.request.urlopen(request, timeout=within_s) as answer:  # noqa: S310
            return bool(200 <= answer.status < 400)
    except (OSError, urllib.error.URLError, ValueError):
        return False
