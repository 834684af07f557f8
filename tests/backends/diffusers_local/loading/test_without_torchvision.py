"""spandrel is imported where torchvision is missing or broken, and nobody is made to believe otherwise."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

ROOT = Path(__file__).resolve().parents[4]
WATCH = """
import importlib.abc, sys
class Watch(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torchvision":
            raise RuntimeError("operator torchvision::nms does not exist")
sys.meta_path.insert(0, Watch())
from backends.diffusers_local.loading.without_torchvision import import_spandrel
spandrel = import_spandrel()
assert spandrel is import_spandrel()
assert not [name for name in sys.modules if name.startswith("torchvision")]
"""
USE = """
assert len(spandrel.MAIN_REGISTRY) > 30
import torch
from spandrel.architectures.Compact import Compact
state = Compact(num_feat=8, num_conv=2, upscale=2).state_dict()
assert spandrel.MAIN_REGISTRY.load(state).scale == 2
"""
REFUSE = """
import torch
state = {"model.model.1.bn_l.running_mean": torch.zeros(1)}
try:
    spandrel.MAIN_REGISTRY.load(state)
except spandrel.UnsupportedModelError:
    pass
else:
    raise AssertionError("a model that fills holes was loaded")
"""


@pytest.mark.parametrize("then", [USE, REFUSE], ids=["networks that enlarge", "one that fills holes"])
def test_without_a_look_at_torchvision(then: str) -> None:
    words = [sys.executable, "-c", WATCH + then]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
