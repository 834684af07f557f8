"""What this computer can compute on, as far as it matters for choosing a build of torch."""

import os
import platform
import shutil
import sys
import urllib.error
import urllib.request
from pathlib import Path

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
CUDA_INDEX = "https://download.pytorch.org/whl/cu130"  # the CUDA that torch 2.13.0 on PyPI is built for, too
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

    PyPI carries CUDA builds of several GB for Linux and CPU builds for Windows. So Linux without an
    accelerator and Windows with an NVIDIA card look elsewhere first; an index that does not answer in time is
    left out.
    $HUB_TORCH_INDEX, when set, is the whole answer (empty: none), for other builds of torch.
    """
    chosen = os.environ.get("HUB_TORCH_INDEX")
    if chosen is not None:
        return (chosen,) if chosen else ()
    special = {("cpu", "linux"): CPU_INDEX, ("cuda", "win32"): CUDA_INDEX}.get((accelerator, platform_name))
    return (special,) if special and answers(special + "/torch/") else ()


def warning(accelerator: str, platform_name: str = sys.platform) -> str | None:
    """Return what to tell before torch comes from the configured sources alone, or None when that is fine."""
    if accelerator == "rocm":
        return (
            "An AMD card was found. For it, torch has to come from PyTorch's ROCm index: its address is on "
            "https://pytorch.org/get-started/previous-versions (2.13.0). Set HUB_TORCH_INDEX to it and "
            "delete .venv to begin anew; without it the hub computes on the CPU."
        )
    if accelerator == "cpu" and platform_name == "linux":
        return (
            "PyTorch's index of small CPU builds does not answer; taking the build of the configured package "
            "source (it may be several GB)."
        )
    return None


def answers(url: str, within_s: float = ANSWER_WITHIN_S) -> bool:
    """Tell whether `url` answers a HEAD request with success in time, through the environment's proxies."""
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310 - only our own https addresses come here
    try:
        with urllib.request.urlopen(request, timeout=within_s) as answer:  # noqa: S310
            return bool(200 <= answer.status < 400)
    except (OSError, urllib.error.URLError, ValueError):
        return False
