"""The second pass as a work of its own."""

from typing import Any

import pytest

from backends.contract import Control, Lora, ModelRef, SecondPass, Work
from backends.diffusers_local.features.second_work import final_size, refusal, second_work

BASE = ModelRef("base", "/m/base", "stable-diffusion-xl-v1-base")
SAME = ModelRef("other", "/m/other", "stable-diffusion-xl-v1-base")
OTHER = ModelRef("refiner", "/m/refiner", "stable-diffusion-xl-v1-refiner")


def a_work(**second: Any) -> Work:
    return Work(
        "t:1",
        "u",
        "s",
        BASE,
        "a cat",
        negative_prompt="dog",
        width=300,
        height=200,
        seed=5,
        vae=ModelRef("v", "/m/v"),
        loras=(Lora(ModelRef("l", "/m/l")),),
        embeddings=(ModelRef("e", "/m/e"),),
        controls=(Control(ModelRef("c", "/m/c")),),
        variation_seed=3,
        variation_strength=0.5,
        second=SecondPass(**second),
        extra={"clipstopatlayer": -2, "outpaintleft": 32, "maskshrinkgrow": 8},
    )


def of(**second: Any) -> Work:
    made = second_work(a_work(**second))
    assert made is not None
    return made


def test_what_is_not_said_is_the_works_own() -> None:
    made = of(part=0.4)
    first = a_work()
    assert (made.model, made.vae, made.loras, made.controls) == (BASE, first.vae, first.loras, first.controls)
    assert (made.steps, made.cfg_scale, made.sampler, made.scheduler) == (20, 7.0, "euler", "normal")
    assert (made.prompt, made.negative_prompt, made.strength) == ("a cat", "dog", 0.4)
    assert (made.seed, made.variation_seed, made.second) == (6, None, None)
    assert made.extra == {"clipstopatlayer": -2}


def test_what_is_said_is_taken() -> None:
    vae = ModelRef("w", "/m/w")
    made = of(part=0.5, steps=8, cfg_scale=2.0, sampler="ddim", scheduler="karras", vae=vae, upscale=1.25)
    assert (made.steps, made.cfg_scale, made.sampler, made.scheduler) == (8, 2.0, "ddim", "karras")
    assert (made.vae, made.width, made.height) == (vae, 375, 250)
    assert final_size(a_work(upscale=1.25)) == (375, 250)


def test_add_ons_go_with_a_model_of_the_same_class_only() -> None:
    same, other = of(model=SAME), of(model=OTHER)
    assert same.loras
    assert same.vae is not None
    assert (other.model, other.loras, other.controls, other.embeddings, other.vae) == (
        OTHER,
        (),
        (),
        (),
        None,
    )


def test_prompts_of_its_own() -> None:
    work = a_work()
    work = Work(work.id, "u", "s", BASE, "a", second=SecondPass(), extra={"refinerprompt": "b", "cfg": 1})
    made = second_work(work)
    assert made is not None
    assert (made.prompt, made.extra) == ("b", {"cfg": 1})


@pytest.mark.parametrize(("part", "steps", "walked"), [(0.2, 20, 4), (0.33, 20, 6), (0.01, 49, 1), (1, 7, 7)])
def test_a_part_is_at_least_one_step(part: float, steps: int, walked: int) -> None:
    made = of(part=part, steps=steps)
    assert int(made.steps * made.strength) == walked


def test_no_part_is_no_second_walk() -> None:
    assert second_work(a_work(part=0)) is None
    assert second_work(a_work(steps=0)) is None


def test_the_highest_seed_has_a_next_one() -> None:
    from msgspec.structs import replace

    made = second_work(replace(a_work(), seed=(1 << 63) - 1))
    assert made is not None
    assert made.seed == 0


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"method": "Later"}, "Refiner Method"),
        ({"part": 1.5}, "Control Percentage"),
        ({"part": float("nan")}, "Control Percentage"),
        ({"upscale": 0}, "Refiner Upscale is"),
        ({"upscale": float("inf")}, "Refiner Upscale is"),
        ({"upscale_method": "latent-bislerp"}, "Upscale Method"),
        ({"upscale_method": "model"}, "none is named"),
    ],
)
def test_what_cannot_be_is_refused_by_name(given: dict[str, Any], word: str) -> None:
    assert word in refusal(SecondPass(**given))
    assert not refusal(SecondPass())
