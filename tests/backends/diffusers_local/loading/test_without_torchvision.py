"""spandrel is imported where there is no torchvision, and nobody is made to believe that there is one."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

ROOT = Path(__file__).resolve().parents[4]
BREAK = """
import importlib.abc, sys
class Broken(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torchvision":
            raise RuntimeError("operator torchvision::nms does not exist")
sys.meta_path.insert(0, Broken())
"""
USE = """
import sys
from backends.diffusers_local.loading.without_torchvision import import_spandrel
spandrel = import_spandrel()
assert spandrel is import_spandrel()
assert len(spandrel.MAIN_REGISTRY) > 30
assert not [name for name in sys.modules if name.startswith("torchvision")]
from spandrel.architectures.RestoreFormer import tv_normalize
try:
    tv_normalize(None, [0.5], [0.5])
except RuntimeError as told:
    assert "needs torchvision (normalize)" in str(told)
else:
    raise AssertionError("it was called without a word")
"""
LOOK = """
from transformers.utils import is_torchvision_available
assert not is_torchvision_available()
"""


def ran(code: str) -> str:
    """What the code complained of in a Python of its own."""
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stderr[-2000:] if done.returncode else ""


@pytest.mark.skipif(importlib.util.find_spec("torchvision") is not None, reason="torchvision is there")
def test_where_it_is_not_installed() -> None:
    assert ran(USE + LOOK) == ""


def test_where_it_is_one_of_another_torch() -> None:
    assert ran(BREAK + USE) == ""
