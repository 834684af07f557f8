"""The Python environment in .venv: made, kept up to date, and never left half-made in its place."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hub.setup import layers
from hub.setup.hardware import find_accelerator
from hub.setup.installer import Installer, python_of
from hub.setup.terminal import Terminal
from hub.setup.trouble import SetupProblem

NEEDED_FREE_GB = 4
# Imported once in a new environment before it takes the old one's place.
PROOF = (
    "import litestar, uvicorn, msgspec, tortoise, bcrypt, cryptography.fernet, PIL.Image, torch, diffusers, "
    "peft, scipy, einops"
)


def ensure(root: Path, wanted: Sequence[str], terminal: Terminal, proof: str = PROOF) -> Path:
    """Bring the layers `wanted` into .venv; return its interpreter. Raises SetupProblem.

    With unchanged stamps this reads two files and starts nothing. `proof` is the code a new environment must
    run before it takes the old one's place.
    """
    environment = root / ".venv"
    accelerator = find_accelerator()
    if _is_current(root, environment, wanted, accelerator):
        return python_of(environment)
    with _only_one(root / ".venv-lock", terminal):
        if not _works(python_of(environment)) or "run" in layers.stale(
            root, environment, wanted, accelerator
        ):
            _rebuild(root, environment, accelerator, terminal, proof)
        for layer in layers.stale(root, environment, wanted, accelerator):
            Installer(root, environment, terminal).install(layer)
            _stamp(root, environment, layer, accelerator)
    return python_of(environment)


def ensure_apart(root: Path, layer: str, environment: Path, terminal: Terminal) -> Path:
    """Bring one layer into an environment of its own, such as Node.js; return its interpreter."""
    if _is_current(root, environment, [layer], ""):
        return python_of(environment)
    with _only_one(root / ".venv-lock", terminal):
        if not _works(python_of(environment)):
            shutil.rmtree(environment, ignore_errors=True)
            environment.parent.mkdir(parents=True, exist_ok=True)
            Installer(root, environment, terminal).create()
        Installer(root, environment, terminal).install(layer)
        _stamp(root, environment, layer, "")
    return python_of(environment)


def _is_current(root: Path, environment: Path, wanted: Sequence[str], accelerator: str) -> bool:
    there = python_of(environment).exists()
    return there and not layers.stale(root, environment, wanted, accelerator)


def _stamp(root: Path, environment: Path, layer: str, accelerator: str) -> None:
    stamps = layers.read_stamps(environment)
    stamps[layer] = layers.wanted_stamp(root, layer, accelerator)
    layers.write_stamps(environment, stamps)


def _works(python: Path) -> bool:
    """Tell whether an environment's interpreter starts and is the Python that runs this."""
    code = f"import sys; sys.exit(sys.version_info[:2] != {tuple(sys.version_info[:2])})"
    try:
        return subprocess.run([python, "-c", code], check=False, capture_output=True).returncode == 0
    except OSError:
        return False


def _rebuild(root: Path, environment: Path, accelerator: str, terminal: Terminal, proof: str) -> None:
    """Make the environment beside the one in place, prove it, then swap; on failure the old one stays."""
    updating = _works(python_of(environment))
    terminal.say(
        "Bringing the Python environment up to date."
        if updating
        else "Setting up Generation Hub: this takes a few minutes and happens once."
    )
    free_gb = shutil.disk_usage(root).free / 1e9
    if free_gb < NEEDED_FREE_GB:
        terminal.say(
            f"Note: only {free_gb:.1f} GB are free on this disk; about {NEEDED_FREE_GB} GB are needed."
        )
    beside = root / ".venv-new"
    shutil.rmtree(beside, ignore_errors=True)
    installer = Installer(root, beside, terminal)
    try:
        if updating:
            copy_tree(environment, beside)  # so that an installed torch, of any variant, is kept
            layers.write_stamps(beside, {})
        else:
            installer.create()
        installer.install_torch(accelerator)
        installer.install("run")
        installer.prove(proof)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    _stamp(root, beside, "run", accelerator)
    swap(beside, environment)


def copy_tree(source: Path, target: Path) -> None:
    """Copy an environment, by hard links where the disk can: pip and uv replace files whole."""

    def link(origin: str, copy: str) -> None:
        try:
            os.link(origin, copy)
        except OSError:
            shutil.copy2(origin, copy)

    shutil.copytree(source, target, symlinks=True, copy_function=link)


def swap(beside: Path, place: Path) -> None:
    """Put the finished environment `beside` in `place`, and mend the paths its scripts carry."""
    old = place.with_name(place.name + "-old")
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        place.rename(old)
    try:
        beside.rename(place)
    except OSError as trouble:
        if old.exists():
            old.rename(place)
        raise SetupProblem(
            f"The new environment could not be moved to {place} ({trouble}). Stop a hub that runs from this "
            "folder, then run it again."
        ) from trouble
    for script in python_of(place).parent.iterdir():
        _mend(script, str(beside), str(place))
    shutil.rmtree(old, ignore_errors=True)


def _mend(script: Path, wrong: str, right: str) -> None:
    """Replace one path in a text script by writing a new file: the old one may be a shared hard link."""
    if script.is_symlink() or not script.is_file() or script.stat().st_size > 65536:
        return
    text = script.read_bytes()
    if b"\0" in text or wrong.encode() not in text:
        return
    fresh = script.with_name(script.name + ".mend")
    fresh.write_bytes(text.replace(wrong.encode(), right.encode()))
    shutil.copymode(script, fresh)
    fresh.replace(script)


@contextmanager
def _only_one(lock: Path, terminal: Terminal) -> Iterator[None]:
    """Hold a lock file while installing, so that two launches never write one environment at once."""
    with lock.open("a+") as held:
        if os.name == "nt":  # there a second installer meets files in use and says so
            yield
            return
        import fcntl

        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            terminal.say("Another launch.py is setting up this folder; waiting for it ...")
            fcntl.flock(held, fcntl.LOCK_EX)
        yield
