"""Nothing stays behind: after a hundred loads, failures and frees the process is as large as after three."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.backends.diffusers_local.conftest import build_pipeline
from tests.backends.diffusers_local.loading.test_vae import an_autoencoder
from tests.backends.diffusers_local.loras import changes, kohya, write
from tests.house.tree import ROOT

SCRIPT = Path(__file__).with_name("residency.py")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="resident size is read from /proc")
@pytest.mark.parametrize("rounds", [3, pytest.param(100, marks=pytest.mark.long)])
def test_nothing_stays_in_memory(folder: Path, tmp_path: Path, rounds: int) -> None:
    an_autoencoder().save_pretrained(tmp_path / "vae")
    both = changes(build_pipeline(), ("unet", "text_encoder"), rank=16)
    write(tmp_path / "lora.safetensors", kohya(both))
    strange = {name.replace("attn1", "attn9"): tensor for name, tensor in kohya(both).items()}
    write(tmp_path / "bad.safetensors", strange)
    shutil.copytree(folder, tmp_path / "broken")
    config = tmp_path / "broken" / "unet" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"cross_attention_dim": 48}))
    places = [folder, *(tmp_path / name for name in ("lora.safetensors", "vae", "broken", "bad.safetensors"))]
    told = subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, places), str(rounds)],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr[-3000:]
    sizes = json.loads(told.stdout.splitlines()[-1])
    assert len(sizes) == rounds
    alive = [tensors for _, tensors in sizes]
    assert max(alive) == min(alive) == alive[0]
    # What settles in the first rounds is the allocator's; after them safetensors' own loading keeps some
    # thirty bytes for each tensor it reads (0.8.0), about 90 kB a round here. One leaked model a round would
    # be 1.5 MB a round, one leaked LoRA 0.4 MB.
    settled = sizes[min(10, rounds // 2)][0]
    assert sizes[-1][0] - settled < 12_000_000 + 150_000 * rounds, sizes
