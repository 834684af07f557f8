"""Second passes of Stable Diffusion 3 and Flux: as the stock pipelines', and between latent spaces."""

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from diffusers import StableDiffusion3Img2ImgPipeline  # noqa: E402
from msgspec import structs  # noqa: E402

from backends.contract import SecondPass  # noqa: E402
from backends.diffusers_local.features.second_pass import follow  # noqa: E402
from backends.diffusers_local.loading.gather import Kit  # noqa: E402
from backends.diffusers_local.loading.model import Model, load_model  # noqa: E402
from backends.diffusers_local.prepare import Refused, prepare  # noqa: E402
from tests.backends.diffusers_local.conftest import a_work, ref_of  # noqa: E402
from tests.backends.diffusers_local.flow import build_flux, build_sd3  # noqa: E402
from tests.backends.diffusers_local.passes import walk_all  # noqa: E402
from tests.backends.diffusers_local.stock_flow import Settled, stock_pipeline  # noqa: E402


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    made = {}
    for name, build in (("sd3", build_sd3), ("flux", build_flux)):
        path = tmp_path_factory.mktemp("models") / name
        build().save_pretrained(path)
        with torch.inference_mode():
            made[name] = load_model(ref_of(path), torch.device("cpu"), torch.float32)
    return made


def a_flow_work(model: Model, **given: Any) -> Any:
    return a_work(Path(model.ref.path), scheduler="simple", **given)


@pytest.mark.parametrize("part", [0.3, 0.33, 0.5])
def test_the_finished_latents_are_redrawn_as_by_the_stock_pipeline(
    models: dict[str, Model], part: float
) -> None:
    sd3 = models["sd3"]
    work = a_flow_work(sd3, steps=6, second=SecondPass(part))
    one, two = walk_all(work, Kit(sd3, second=Kit(sd3)))
    generator = torch.Generator().manual_seed(work.seed + 1)
    settled = Settled(sd3, structs.replace(two.work, init_image=b"a picture"), generator, (8, 8))
    expected = stock_pipeline(StableDiffusion3Img2ImgPipeline, sd3, settled)(
        prompt=work.prompt,
        negative_prompt=work.negative_prompt,
        num_inference_steps=6,
        guidance_scale=work.cfg_scale,
        output_type="latent",
        image=one.latents,
        strength=part,
        width=64,
        height=64,
        generator=generator,
    ).images
    assert torch.equal(two.latents, expected)


@pytest.mark.parametrize("name", ["sd3", "flux"])
@pytest.mark.parametrize("part", [0.3, 0.33, 0.5])
def test_a_walk_in_two_rows_is_the_walk(models: dict[str, Model], name: str, part: float) -> None:
    model = models[name]
    work = a_flow_work(model, steps=10, second=SecondPass(part, method="StepSwapNoisy"))
    one, two = walk_all(work, Kit(model, second=Kit(model)))
    (whole,) = walk_all(a_flow_work(model, steps=10), Kit(model))
    assert one.own_steps + two.own_steps == 10
    torch.testing.assert_close(two.latents, whole.latents)


@pytest.mark.parametrize("name", ["sd3", "flux"])
def test_a_walk_may_end_in_a_picture_before_its_end(models: dict[str, Model], name: str) -> None:
    model = models[name]
    work = a_flow_work(model, steps=10, second=SecondPass(0.4, method="StepSwap"))
    one, two = walk_all(work, Kit(model, second=Kit(model)))
    (whole,) = walk_all(a_flow_work(model, steps=10), Kit(model))
    assert float((one.latents - whole.latents).abs().mean()) < 0.5 * float(whole.latents.std())
    assert bool(torch.isfinite(two.latents).all())


@pytest.mark.parametrize("method", ["PostApply", "StepSwap", "StepSwapNoisy"])
def test_between_models_of_other_latent_spaces(
    models: dict[str, Model], folder: Path, model: Model, method: str
) -> None:
    for first, second in ((models["flux"], model), (model, models["sd3"]), (models["flux"], models["sd3"])):
        work = a_work(
            Path(first.ref.path),
            width=72,
            height=64,
            steps=6,
            scheduler="simple",
            sampler="euler",
            second=SecondPass(0.5, method=method, model=second.ref, upscale=1.5),
        )
        two = walk_all(work, Kit(first, second=Kit(second)))[-1]
        assert two.plan.wanted == (108, 96)
        assert all(side % (second.scale * second.family.patch) == 0 for side in two.plan.drawn)
        assert two.latents.shape[1] == second.denoiser.channels
        assert bool(torch.isfinite(two.latents).all())


def test_a_seamless_picture_is_refused_before_the_first_step(
    models: dict[str, Model], folder: Path, model: Model
) -> None:
    second = SecondPass(0.5, model=models["sd3"].ref, scheduler="simple", sampler="euler")
    work = a_work(folder, second=second, extra={"seamlesstileable": "true"})
    with pytest.raises(Refused, match=r"sd3.*seamless"):
        follow(prepare(work, Kit(model, second=Kit(models["sd3"]))))


def test_latents_are_enlarged_to_whole_patches(models: dict[str, Model]) -> None:
    flux = models["flux"]
    second = SecondPass(0.5, upscale=1.3, upscale_method="latent-bilinear")
    two = walk_all(a_flow_work(flux, second=second), Kit(flux, second=Kit(flux)))[-1]
    assert two.plan.wanted == (83, 83)
    assert two.plan.drawn == (80, 80)
    assert two.plan.scaled == (83, 83)
