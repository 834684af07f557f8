"""Which packages the environment holds, in two layers, and the stamps that tell whether they are there."""

import hashlib
import json
import platform
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

LOCK = "requirements.lock"
STAMPS = "hub-stamps.json"

# A layer is a list of groups of pyproject.toml: "" is what the hub itself needs, the others are its extras.
LAYERS: dict[str, tuple[str, ...]] = {"run": ("", "local"), "develop": ("develop",), "page": ("page",)}
# What follows a layer's groups without its own dependencies: they would bring packages that break ours.
ALONE: dict[str, tuple[str, ...]] = {"run": ("alone",)}


def names(root: Path, layer: str) -> list[str]:
    """Return the requirements of a layer as pyproject.toml writes them, markers included."""
    return _of_groups(root, LAYERS[layer])


def alone(root: Path, layer: str) -> list[str]:
    """Return the requirements that follow those of a layer, to be installed without their dependencies."""
    return _of_groups(root, ALONE.get(layer, ()))


def _of_groups(root: Path, groups: Sequence[str]) -> list[str]:
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project.get("optional-dependencies", {})
    return [name for group in groups for name in (extras[group] if group else project["dependencies"])]


def pin(root: Path, name: str) -> str:
    """Return the lock's line for `name`, as `name==version`; KeyError when the lock has none."""
    for line in (root / LOCK).read_text("utf-8").splitlines():
        pinned = line.partition(";")[0].strip()
        if pinned.partition("==")[0] == name:
            return pinned
    raise KeyError(name)


def wanted_stamp(root: Path, layer: str, accelerator: str) -> str:
    """Return the stamp an up-to-date layer carries: it changes with lock, names, Python and accelerator."""
    digest = hashlib.sha256((root / LOCK).read_bytes())
    facts = [
        layer,
        *names(root, layer),
        *alone(root, layer),
        python_kind(),
        accelerator if layer == "run" else "",
    ]
    digest.update("\n".join(facts).encode())
    return digest.hexdigest()


def python_kind() -> str:
    """Return what a virtual environment must agree on with the Python that made it."""
    return f"{sys.implementation.name} {sys.version_info[0]}.{sys.version_info[1]} {platform.machine()}"


def read_stamps(environment: Path) -> dict[str, str]:
    """Return the stamps in an environment; a missing or damaged file is no stamps."""
    try:
        found: Any = json.loads((environment / STAMPS).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def write_stamps(environment: Path, stamps: dict[str, str]) -> None:
    """Write the stamps; by a temporary name, so that a cut never leaves half a file."""
    beside = environment / (STAMPS + ".new")
    beside.write_text(json.dumps(stamps, indent=1), "utf-8")
    beside.replace(environment / STAMPS)


def stale(root: Path, environment: Path, layers: Sequence[str], accelerator: str) -> list[str]:
    """Return those of `layers` that must be installed, in order."""
    stamps = read_stamps(environment)
    return [layer for layer in layers if stamps.get(layer) != wanted_stamp(root, layer, accelerator)]
