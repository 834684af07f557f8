"""Parsing with a catalog of two models and an engine that knows a few samplers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from backends.contract import EngineState, EngineType
from hub.accounts import Caller, Limits
from hub.catalog import Catalog
from hub.params import Context, GenRequest, Registry, parse
from hub.settings import load
from tests.hub.catalog.conftest import write_folder, write_safetensors

SEED = 1234567

TYPES = (
    EngineType(
        id="local",
        name="Local",
        description="",
        settings=Struct,
        drawer="",
        features=("prompt_switching",),
        samplers=("ddim", "euler", "dpmpp_2m"),
        schedulers=("normal", "karras", "sgm_uniform"),
    ),
    EngineType(
        id="other",
        name="Other",
        description="",
        settings=Struct,
        drawer="",
        samplers=("own_sampler", "euler"),
    ),
)
STATES = (
    EngineState(id=3, type="other", title="Far away", status="running"),
    EngineState(id=0, type="local", title="", status="running", features=TYPES[0].features),
)

ADDONS = {
    "LoRA/style.safetensors": "",
    "LoRA/people/ann.safetensors": "",
    "LoRA/xl only.safetensors": "stable-diffusion-xl-v1-base/lora",
    "VAE/soft.safetensors": "",
    "VAE/flux.safetensors": "flux.1/vae",
    "ControlNet/lines.safetensors": "",
    "ControlNet/depth.safetensors": "",
    "ControlNet/xl lines.safetensors": "stable-diffusion-xl-v1-base/controlnet",
    "Embedding/bad hands.safetensors": "",
    "Embedding/xl words.safetensors": "stable-diffusion-xl-v1-base/textual-inversion",
    "upscale_models/4x sharp.safetensors": "",
}
"""Files below the models folder with the architecture their metadata names."""

Parse = Callable[..., GenRequest]


def person(*flags: str, **limits: tuple[str, ...]) -> Caller:
    """Somebody with these flags; all of them when none are named."""
    return Caller(
        user="ann",
        session="",
        flags=frozenset(flags or "*"),
        limits=msgspec.convert(limits, Limits, strict=False),
    )


@pytest.fixture(scope="session")
def registry() -> Registry:
    return Registry(TYPES, lambda: STATES)


@pytest.fixture
async def context(tmp_path: Path, registry: Registry) -> Context:
    """The starter (as shipped: 256 pixels, 16 steps) and an SDXL file; seeds are not random here."""
    settings = load(tmp_path / "data")
    starter = write_folder(
        tmp_path / "starter" / "weights",
        notes={
            "class": "starter",
            "native_sizes": [[256, 256], [384, 256], [256, 384]],
            "defaults": {"steps": 16, "cfgscale": 3.0, "sampler": "ddim", "scheduler": "sgm_uniform"},
        },
    )
    folder = tmp_path / "data" / "models" / "Stable-Diffusion"
    write_safetensors(
        folder / "sdxl" / "base.safetensors", modelspec__architecture="stable-diffusion-xl-v1-base"
    )
    (folder / "old.ckpt").write_bytes(b"x")
    shelves = tmp_path / "data" / "models"
    for name, architecture in ADDONS.items():
        write_safetensors(shelves / name, modelspec__architecture=architecture)
    write_safetensors(shelves / "LoRA" / "gentle.safetensors", modelspec__lora_default_weight="0.4")
    (shelves / "LoRA" / "old.pt").write_bytes(b"x")
    catalog = Catalog(settings, [starter])
    await catalog.refresh()
    return Context(registry=registry, catalog=catalog, limits=settings.limits, random=lambda: SEED)


@pytest.fixture
def ask(context: Context) -> Parse:
    """Parse a request of these keys, by a caller with every flag unless `by` names another."""

    def run(given: dict[str, Any] | None = None, *, by: Caller | None = None, **keys: Any) -> GenRequest:
        return parse({"images": 1, **(given or {}), **keys}, by or person(), context)

    return run
