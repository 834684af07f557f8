"""Model folders made for a test: real safetensors files with a header and a few bytes of tensors."""

import json
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hub.accounts import Caller, Limits
from hub.catalog import Catalog
from hub.settings import load

MakeModel = Callable[..., Path]


def write_safetensors(
    path: Path, tensors: Iterable[str] = ("weight",), *, shape: tuple[int, ...] = (1,), **metadata: str
) -> Path:
    """A safetensors file whose header names these tensors."""
    header: dict[str, Any] = {
        name: {"dtype": "F32", "shape": list(shape), "data_offsets": [0, 4]} for name in tensors
    }
    if metadata:
        header["__metadata__"] = {key.replace("__", "."): value for key, value in metadata.items()}
    text = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"\0\0\0\0")
    return path


def write_folder(
    path: Path, pipeline: str = "StableDiffusionPipeline", notes: dict[str, Any] | None = None
) -> Path:
    """A diffusers folder; `notes` become its hub.json."""
    path.mkdir(parents=True)
    (path / "model_index.json").write_text(json.dumps({"_class_name": pipeline}))
    if notes:
        (path / "hub.json").write_text(json.dumps(notes))
    return path


def caller(**limits: tuple[str, ...]) -> Caller:
    """Somebody with every flag; `limits` are the model lists of the role."""
    return Caller(
        user="ann", session="", flags=frozenset("*"), limits=msgspec.convert(limits, Limits, strict=False)
    )


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """The models folder of a hub."""
    folder = tmp_path / "data" / "models"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def starter(tmp_path: Path) -> Path:
    """A built-in model folder, laid out as the starter's."""
    return write_folder(
        tmp_path / "engine" / "starter" / "weights",
        notes={
            "title": "The starter",
            "class": "starter",
            "native_sizes": [[256, 256], [384, 256]],
            "defaults": {"steps": 16, "cfgscale": 3.0, "sampler": "ddim", "scheduler": "sgm_uniform"},
        },
    )


@pytest.fixture
def catalog(tmp_path: Path, models: Path, starter: Path) -> Catalog:
    """A catalog of these folders, not looked at yet."""
    return Catalog(load(tmp_path / "data"), [starter])
