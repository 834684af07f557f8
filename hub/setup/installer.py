"""Puts packages into one virtual environment."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from hub.setup import layers
from hub.setup.hardware import torch_indexes, warning
from hub.setup.terminal import Terminal, run_watched
from hub.setup.trouble import SetupProblem, explain


def python_of(environment: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


class Installer:
    """Puts packages into one virtual environment, with uv where that changes nothing but the speed."""

    def __init__(self, root: Path, environment: Path, terminal: Terminal) -> None:
        self._root = root
        self._environment = environment
        self._python = python_of(environment)
        self._terminal = terminal
        self._uv = shutil.which("uv")

    def create(self) -> None:
        """Make the empty environment. Raises SetupProblem."""
        if self._uv:
            with_uv: list[str | Path] = [
                self._uv,
                "venv",
                "--quiet",
                "--seed",
                "--python",
                sys.executable,
                self._environment,
            ]
            if subprocess.run(with_uv, check=False, capture_output=True).returncode == 0:
                return
        shutil.rmtree(self._environment, ignore_errors=True)
        plain: list[str | Path] = [sys.executable, "-m", "venv", self._environment]
        self._run(plain, f"Making the Python environment ({sys.version.split()[0]})")

    def install_torch(self, accelerator: str) -> None:
        """Install torch with pip, whose configured sources stay in force; one already there is kept."""
        kept = self._installed_torch()
        if kept and kept.partition("+")[0] == layers.pin(self._root, "torch").partition("==")[2]:
            self._terminal.say(f"Keeping the installed torch {kept}.")
            return
        extra = torch_indexes(accelerator)
        if not extra and (told := warning(accelerator)):
            self._terminal.say(told)
        indexes = [word for index in extra for word in ("--extra-index-url", index)]
        command = [*self._pip(), *indexes, "torch"]  # its version comes from the lock
        self._run(command, f"Installing torch for {accelerator}", reading=read_pip)

    def install(self, layer: str) -> None:
        """Install a layer's packages at the versions of the lock. Raises SetupProblem."""
        what = {
            "run": "Installing the hub's packages",
            "develop": "Installing the tools for tests and checks",
        }
        title = what.get(layer, "Installing Node.js for building the page")
        self._install(layers.names(self._root, layer), title)
        if alone := layers.alone(self._root, layer):
            self._install(["--no-deps", *alone], "Installing the packages that come without others")

    def _install(self, wanted: Sequence[str], title: str) -> None:
        if self._uv and not self._pip_is_configured():
            words: list[str | Path] = ["pip", "install", "--python", self._python, "-c", layers.LOCK, *wanted]
            command: list[str | Path] = [self._uv, *words]
            if run_watched(command, what=title, terminal=self._terminal, cwd=self._root)[0] == 0:
                return
            self._terminal.say("uv could not install them; trying with pip.")
        self._run([*self._pip(), *wanted], title, reading=read_pip)

    def prove(self, proof: str) -> None:
        """Import what matters in the new environment. Raises SetupProblem."""
        self._run([self._python, "-c", proof], "Trying the new environment")

    def _pip(self) -> list[str | Path]:
        words = "-m pip install --disable-pip-version-check --no-input --progress-bar off -c"
        return [self._python, *words.split(), layers.LOCK]

    def _installed_torch(self) -> str:
        code = "import importlib.metadata as m; print(m.version('torch'))"
        asked = subprocess.run([self._python, "-c", code], check=False, capture_output=True, text=True)
        return asked.stdout.strip() if asked.returncode == 0 else ""

    def _pip_is_configured(self) -> bool:
        """Tell whether the person named package sources to pip, which uv would not read."""
        asked = subprocess.run(
            [self._python, "-m", "pip", "config", "list"], check=False, capture_output=True, text=True
        )
        return names_sources(asked.stdout)

    def _run(
        self,
        command: Sequence[str | Path],
        what: str,
        reading: Callable[[str], str | None] = lambda line: None,
    ) -> None:
        env = dict(os.environ, PIP_USER="0")  # a person's `user = true` for pip would refuse an environment
        code, output = run_watched(
            command, what=what, terminal=self._terminal, reading=reading, cwd=self._root, env=env
        )
        if code:
            raise SetupProblem(explain(what, output))


def names_sources(pip_config: str) -> bool:
    """Tell whether the output of `pip config list` names package sources or the way to them."""
    keys = r"(index-url|extra-index-url|find-links|no-index|proxy|cert|client-cert|trusted-host)"
    return re.search(rf"^[^=]*\.{keys}=", pip_config, re.M) is not None


def read_pip(line: str) -> str | None:
    """Turn a line of pip's output into what the progress line shows, or None."""
    line = line.strip()
    if found := re.match(
        r"(Collecting|Downloading|Building wheel for|Preparing metadata for) ?([^\s=<>;@]+)(.*)", line
    ):
        verb, name, rest = found.groups()
        size = re.search(r"\(([\d.]+ [kMG]?B)\)", rest)
        return f"{verb} {name.rsplit('/', 1)[-1]}" + (f", {size[1]}" if size else "")
    if found := re.match(r"Requirement already satisfied: ([\w.-]+)", line):
        return f"Already there: {found[1]}"
    if line.startswith("Installing collected packages"):
        return f"Unpacking {line.count(',') + 1} packages"
    return None
