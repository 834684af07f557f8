"""A model file that is a program: found, listed, asked about, chosen, loaded and converted, and never run.

Each one makes a file when it is opened as a pickle. All of them lie under every name and in every place a
model can have, in front of the real engine.
"""

import json
import os
import pickle
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import torch

from backends.diffusers_local.engine import ENGINE
from hub.settings import Settings
from tests.hub.chaining import refreshed
from tests.hub.running import RunningHub

pytestmark = pytest.mark.asyncio(loop_scope="module")
HUB_SETTINGS = {"engines.threads": "1"}
CONVERTED = "ClipVision"
"""Has few files: each conversion starts a process of its own."""
SUBTYPES = (
    "Stable-Diffusion",
    "LoRA",
    "VAE",
    "Embedding",
    "ControlNet",
    "Clip",
    "ClipVision",
    "upscale_models",
)
ENDINGS = (".ckpt", ".pt", ".pth", ".bin", ".pkl", ".safetensors", ".sft")


class Trap:
    """Makes the file `mark` when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.system, (f"touch '{self.mark}'",)


def forms(mark: Path, folder: Path) -> dict[str, bytes]:
    """The trap in every wrapping."""
    trapped = {"state_dict": {"w": torch.ones(2)}, "trap": Trap(mark)}
    found = {"bare": pickle.dumps(trapped), "old": pickle.dumps(trapped, protocol=0)}
    for legacy in (True, False):
        torch.save(trapped, folder / "made", _use_new_zipfile_serialization=not legacy)
        found["legacy" if legacy else "zip"] = (folder / "made").read_bytes()
    header = json.dumps({"__metadata__": {"format": "pt"}}).encode()
    found["behind a header"] = len(header).to_bytes(8, "little") + header + pickle.dumps(trapped)
    return found


def plant(models: Path, mark: Path, folder: Path) -> list[str]:
    """Traps in every folder of models; their names without endings."""
    names = []
    for form, data in forms(mark, folder).items():
        for ending in ENDINGS:
            name = f"{form} {ending[1:]}"
            names.append(f"{name}{ending}")
            for subtype in SUBTYPES:
                if subtype == CONVERTED and name not in ("zip ckpt", "bare pt"):
                    continue
                place = models / subtype / f"{name}{ending}"
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(data)
    return names


def plant_folders(models: Path, mark: Path, folder: Path) -> list[str]:
    """Whole models of diffusers with a trap in one part: weights, code beside them, code named by them."""
    (starter,) = ENGINE.builtin_models
    zipped = forms(mark, folder)["zip"]
    code = f"import os\nos.system(\"touch '{mark}'\")\nclass Evil: pass\n"

    def copy(name: str) -> Path:
        place = models / "Stable-Diffusion" / name
        shutil.copytree(starter, place, dirs_exist_ok=True)
        return place

    weights = copy("weights")
    for part in ("unet", "vae"):
        for file in (weights / part).glob("*.safetensors"):
            file.unlink()
        (weights / part / "diffusion_pytorch_model.bin").write_bytes(zipped)
    beside = copy("beside")
    for part in ("unet", "vae", "text_encoder", "scheduler", "tokenizer"):
        if (beside / part).is_dir():
            for name in ("diffusion_pytorch_model.bin", "pytorch_model.bin", "scheduler.pkl", "model.pt"):
                (beside / part / name).write_bytes(zipped)
            for name in ("__init__.py", "modeling.py", "pipeline.py"):
                (beside / part / name).write_text(code)
    (beside / "pipeline.py").write_text(code)
    named = copy("named")
    (named / "evil.py").write_text(code)
    (named / "unet" / "evil.py").write_text(code)
    index = json.loads((named / "model_index.json").read_text())
    index |= {"_class_name": ["evil", "Evil"], "unet": ["evil", "Evil"], "custom_pipeline": "evil"}
    (named / "model_index.json").write_text(json.dumps(index))
    mapped = copy("mapped")
    for config in mapped.rglob("config.json"):
        told = json.loads(config.read_text())
        told |= {"auto_map": {"AutoModel": "evil.Evil"}, "trust_remote_code": True, "_module": "os"}
        config.write_text(json.dumps(told))
        (config.parent / "evil.py").write_text(code)
    return ["weights", "beside", "named", "mapped"]


class Planted:
    def __init__(self, hub: RunningHub, mark: Path, names: list[str], folders: list[str]) -> None:
        self.hub, self.mark, self.names, self.folders = hub, mark, names, folders

    async def ask(self, **params: Any) -> Any:
        small = {"images": 1, "prompt": "a red circle", "seed": 5, "steps": 1, "width": 64, "height": 64}
        return await self.hub.call("GenerateText2Image", **{**small, **params})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def planted(shared_hub: RunningHub, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Planted]:
    folder = tmp_path_factory.mktemp("trap")
    mark = folder / "it ran"
    (models,) = shared_hub.drawing.room(Settings).folders.models
    names, folders = plant(models, mark, folder), plant_folders(models, mark, folder)
    await refreshed(shared_hub)
    yield Planted(shared_hub, mark, names, folders)


async def test_the_trap_works(planted: Planted, tmp_path: Path) -> None:
    """Else the tests below would pass for a wrong reason."""
    mark = tmp_path / "it ran"
    pickle.loads(forms(mark, tmp_path)["bare"])  # noqa: S301 - the one place where it is opened on purpose
    assert mark.exists()


async def test_looking_runs_nothing(planted: Planted) -> None:
    for subtype in SUBTYPES:
        await planted.hub.call("ListModels", path="", depth=5, subtype=subtype)
        for name in planted.names:
            await planted.hub.call("DescribeModel", modelName=name, subtype=subtype)
            answer = await planted.hub.call("GetModelHeaders", model=name, subtype=subtype)
            assert answer.get("error_id") != "internal_error"
            await planted.hub.call("GetModelHash", modelName=name, subtype=subtype)
            await planted.hub.http.get(f"/ViewSpecial/{subtype}/{name}")
    assert not planted.mark.exists()


async def test_drawing_with_one_runs_nothing_and_says_why(planted: Planted) -> None:
    """As the model, and as each part a request can name."""
    chosen = [name for name in planted.names if name.endswith((".ckpt", ".bin", ".safetensors", ".sft"))]
    for name in chosen:
        for params in ({"model": name}, {"vae": name}, {"loras": name}, {"controlnetmodel": name}):
            answer = await planted.ask(**params)
            assert answer.get("error"), (name, params, answer)
        bare = name.rpartition(".")[0]
        await planted.ask(prompt=f"a <embed:{bare}> <lora:{bare}:1>")
        await planted.ask(refinerupscalemethod=f"model-{name}", refinerupscale=2, refinercontrol=0.5)
    assert not planted.mark.exists()


async def test_folders_with_code_in_them_run_none_of_it(planted: Planted) -> None:
    for name in planted.folders:
        answer = await planted.ask(model=name)
        assert ("images" in answer) is (name in ("beside", "mapped")), (name, answer)
        await planted.hub.call("SelectModel", model=name)
    weights = await planted.ask(model="weights")
    assert ".safetensors" in weights["error"]
    assert not planted.mark.exists()


async def test_converting_takes_tensors_or_nothing(planted: Planted) -> None:
    answer = await planted.hub.call("Pickle2SafeTensor", type=CONVERTED, fp16=False)
    assert answer["converted"] == []
    assert answer["failed"].keys() == {"zip ckpt.ckpt", "bare pt.pt"}
    assert not planted.mark.exists()


async def test_the_hub_is_well_after_all_that(planted: Planted) -> None:
    assert "images" in await planted.ask()
    assert not planted.mark.exists()
