"""LoRAs over the transformers of Stable Diffusion 3 and Flux: alone the stock latents, beside others too."""

from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch

from backends.diffusers_local import steps
from backends.diffusers_local.denoisers.flux import unpack
from backends.diffusers_local.loading.shelf import Shelf
from tests.backends.diffusers_local.conftest import Studio, a_work
from tests.backends.diffusers_local.features.test_lora import begin, walk
from tests.backends.diffusers_local.flow import build_flux, build_sd3
from tests.backends.diffusers_local.loras import changes, lora, peft, write

CPU, FULL = torch.device("cpu"), torch.float32
KINDS: dict[str, Any] = {
    "sd3": (build_sd3, ("transformer", "text_encoder", "text_encoder_2"), {"cfg_scale": 4.0}),
    "flux": (build_flux, ("transformer", "text_encoder"), {"cfg_scale": 1.0, "scheduler": "simple"}),
}


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, Path]:
    """A family, its model's folder and a LoRA over it."""
    home = tmp_path_factory.mktemp("flow")
    build, parts, _ = KINDS[request.param]
    pipeline = build()
    pipeline.save_pretrained(home / "model")
    return request.param, home / "model", write(home / "own.safetensors", peft(changes(pipeline, parts)))


def stock(family: str, work: Any) -> torch.Tensor:
    """The stock pipeline's latents, loaded from the same folder with the same LoRA."""
    made = diffusers.StableDiffusion3Pipeline if family == "sd3" else diffusers.FluxPipeline
    pipeline = made.from_pretrained(work.model.path, dtype=FULL)
    pipeline.set_progress_bar_config(disable=True)
    one = work.loras[0]
    pipeline.load_lora_weights(one.model.path, adapter_name="own")
    weights = {
        part: one.text_weight if part.startswith("text") else one.weight
        for part in pipeline.get_list_adapters()
    }
    pipeline.set_adapters(["own"], [weights])
    request = {"prompt": work.prompt, "num_inference_steps": work.steps, "output_type": "latent"}
    request |= {"width": 64, "height": 64, "generator": torch.Generator().manual_seed(work.seed)}
    if family == "sd3":
        latents: torch.Tensor = pipeline(**request, guidance_scale=work.cfg_scale).images
        return latents
    return unpack(pipeline(**request).images, 8, 8)


def test_alone_the_latents_are_the_stock_pipelines(kind: tuple[str, Path, Path]) -> None:
    family, folder, file = kind
    shelf = Shelf(CPU, FULL, 1 << 30)
    work = a_work(folder, loras=(lora(file, 0.7, 0.3),), **KINDS[family][2])
    ours = walk(work, shelf)
    assert torch.equal(ours, stock(family, work))
    assert not torch.equal(ours, walk(a_work(folder, **KINDS[family][2]), shelf))


def test_beside_others_each_keeps_its_own(kind: tuple[str, Path, Path], studio: Studio) -> None:
    family, folder, file = kind
    given: list[dict[str, Any]] = [{"loras": (lora(file),)}, {}, {"loras": (lora(file, 0.5),), "steps": 6}]
    works = [a_work(folder, n, **KINDS[family][2], **own) for n, own in enumerate(given)]
    alone = [
        a_work(folder, n + 10, seed=n + 100, deterministic=True, **KINDS[family][2], **own)
        for n, own in enumerate(given)
    ]
    for picture, solo in zip(studio.draw(*works), studio.draw(*alone), strict=True):
        difference = np.asarray(picture).astype(int) - np.asarray(solo).astype(int)
        assert abs(difference).max() <= 1


def test_without_a_lora_the_answer_is_what_it_was(kind: tuple[str, Path, Path]) -> None:
    family, folder, file = kind
    shelf = Shelf(CPU, FULL, 1 << 30)
    plain = begin(a_work(folder, **KINDS[family][2]), shelf)
    with torch.inference_mode():
        before = steps.predict([plain])[0].said
        dressed = begin(a_work(folder, loras=(lora(file),), **KINDS[family][2]), shelf)
        assert not torch.equal(steps.predict([dressed])[0].said, before)
        assert torch.equal(steps.predict([plain])[0].said, before)
