"""What the families say, and what follows from it for the hub."""

import subprocess
import sys
from pathlib import Path

import pytest

from backends.diffusers_local.engine import ENGINE
from backends.diffusers_local.families import FAMILIES, Family, of_pipeline
from hub.catalog.classes import CLASSES, by_pipeline

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())
def test_it_names_classes_and_parts_that_are(family: Family) -> None:
    assert set(family.classes) <= set(CLASSES)
    assert {"vae", *family.weighted, *family.optional} <= set(family.parts)
    assert {"unet", "transformer"} & set(family.parts)
    for part in family.texts:
        assert {part.tokenizer, part.encoder} <= set(family.parts)
    for checkpoint in family.checkpoints:
        assert set(checkpoint.padding) == {part.tokenizer for part in family.texts}


def test_two_families_of_one_pipeline_are_told_apart_by_what_they_lack() -> None:
    named = [name for family in FAMILIES.values() for name in family.pipelines]
    assert {name for name in named if named.count(name) > 1} == {"StableDiffusionXLImg2ImgPipeline"}
    for empty, expected in (((), "stable_diffusion_xl"), (("text_encoder",), "stable_diffusion_xl_refiner")):
        family = of_pipeline("StableDiffusionXLImg2ImgPipeline", empty)
        assert family is not None
        assert family.id == expected


def test_no_family_is_guessed() -> None:
    assert of_pipeline("Flux2Pipeline") is None
    assert of_pipeline(None) is None


@pytest.mark.parametrize(
    ("pipeline", "drawn"),
    [
        ("StableDiffusionXLPipeline", True),
        ("StableDiffusionXLInpaintPipeline", True),
        ("StableDiffusionXLImg2ImgPipeline", True),
        ("StableDiffusionInpaintPipeline", True),
        ("StableDiffusion3Pipeline", True),
        ("FluxPipeline", True),
        ("Flux2Pipeline", False),
    ],
)
def test_the_hub_asks_this_engine_for_what_it_draws(pipeline: str, drawn: bool) -> None:
    kind = by_pipeline({"_class_name": pipeline}, lambda part: {"cross_attention_dim": 768})
    assert kind is not None
    assert ENGINE.draws(kind.id) is drawn


def test_a_model_of_no_known_class_is_tried() -> None:
    assert ENGINE.draws("")


def test_the_hub_reads_them_without_the_libraries() -> None:
    code = (
        "import sys; import backends.diffusers_local.engine; print({'torch', 'diffusers'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
