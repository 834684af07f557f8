"""A small hub to set up, with small packages from a local folder instead of the internet."""

import io
import subprocess
import zipfile
from pathlib import Path

import pytest

from hub.setup import layers

PROJECT = """
[project]
dependencies = ["hubdemo"]
[project.optional-dependencies]
local = ["torch"]
alone = ["hubalone"]
develop = ["hubtool"]
page = []
"""
PROOF = "import hubdemo, hubalone, torch"


def wheel(folder: Path, name: str, version: str, needs: str = "") -> None:
    """Write the smallest package pip accepts; `needs` names another one."""
    need = f"Requires-Dist: {needs}\n" if needs else ""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{need}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{name}-command = {name}:main\n",
    }
    record = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(path, text)


def version_in(python: Path, name: str) -> str:
    code = f"import {name}; print({name}.VERSION)"
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "packages"
    folder.mkdir()
    for name, version in (
        ("hubdemo", "1.0"),
        ("hubdemo", "2.0"),
        ("hubtool", "1.0"),
        ("torch", "2.13.0+cu999"),
    ):
        wheel(folder, name, version)
    wheel(folder, "hubalone", "1.0", needs="nowhere-to-be-had")
    monkeypatch.setenv("PIP_USER", "1")  # some people have this in their configuration
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("HUB_TORCH_INDEX", "")
    return folder


@pytest.fixture
def root(tmp_path: Path, packages: Path) -> Path:
    root = tmp_path / "hub"
    root.mkdir()
    (root / "pyproject.toml").write_text(PROJECT)
    write_lock(root, "1.0")
    return root


def write_lock(root: Path, version: str) -> None:
    (root / layers.LOCK).write_text(f"hubalone==1.0\nhubdemo=={version}\nhubtool==1.0\ntorch==2.13.0\n")


@pytest.fixture
def screen() -> io.StringIO:
    return io.StringIO()
