"""Every sampler on data whose answer is known: a bell curve, where the best guess is a formula."""

import numpy as np
import pytest
import torch
from diffusers import LMSDiscreteScheduler

from backends.diffusers_local.samplers.sampling import SAMPLERS
from backends.diffusers_local.samplers.schedules import Schedules, set_steps, step_arguments
from backends.diffusers_local.samplers.solver import phi, split

CONFIG = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "steps_offset": 1}
WIDTH, MIDDLE = 0.3, 0.5
NAMES = [name for name in SAMPLERS if not name.endswith("_gpu")]
ROUGH = ("lcm", "tcd")
"""Made for models that leap: on others they come near only by many steps."""
KINDS = ("epsilon", "v_prediction", "sample")


def draw(
    sampler: str, scheduler: str, steps: int, kind: str = "epsilon", numbers: int = 6000
) -> torch.Tensor:
    """The drawn numbers, and the noise each began with: (2, numbers)."""
    schedules = Schedules(CONFIG | {"prediction_type": kind})
    made = schedules.make(sampler, scheduler, steps)
    made.set_timesteps(steps)
    kept = schedules.make("ddim", "normal").alphas_cumprod.double().numpy()
    table = np.sqrt((1 - kept) / kept)
    generator = torch.Generator().manual_seed(5)
    noise = torch.randn(1, 1, 1, numbers, generator=generator)
    latents, given = noise * made.init_noise_sigma, step_arguments(made, generator)
    for time in made.timesteps:
        sample = made.scale_model_input(latents, time)
        level = float(np.interp(float(time), np.arange(len(table)), table))
        large = (1 + level**2) ** 0.5
        clean = (WIDTH**2 * sample * large + level**2 * MIDDLE) / (WIDTH**2 + level**2)
        wrong = (sample * large - clean) / level
        said = {"epsilon": wrong, "sample": clean, "v_prediction": (wrong - level * clean) / large}[kind]
        latents = made.step(said, time, latents, **given, return_dict=False)[0]
    return torch.cat([latents.flatten()[None], noise.flatten()[None]])


@pytest.mark.parametrize("name", NAMES)
def test_many_steps_draw_the_data(name: str) -> None:
    scheduler = "karras" if "karras" in SAMPLERS[name].schedulers else "simple"
    steps = 50 if name in ROUGH else 60
    drawn, _ = draw(name, scheduler, steps)
    assert float(drawn.mean()) == pytest.approx(MIDDLE, abs=0.03)
    assert float(drawn.std()) == pytest.approx(WIDTH, rel=0.45 if name in ROUGH else 0.15)


@pytest.mark.parametrize("name", ["ipndm", "res_multistep", "exp_heun_2_x0"])
def test_a_second_order_comes_nearer_faster_than_euler(name: str) -> None:
    fine, _ = draw("heun", "karras", 300, numbers=500)

    def off(sampler: str, steps: int) -> float:
        drawn, _ = draw(sampler, "karras", steps, numbers=500)
        return float((drawn - fine).abs().mean())

    assert off("euler", 40) > 2.5 * off(name, 40)
    assert off(name, 20) > 1.8 * off(name, 40)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((name, kind) for name in ("ipndm", "er_sde", "dpmpp_2s_ancestral", "seeds_2") for kind in KINDS),
        ("euler_ancestral", "v_prediction"),  # diffusers' own class knows two of the three
    ],
)
def test_what_the_model_says_may_be_any_of_three_things(name: str, kind: str) -> None:
    drawn, _ = draw(name, "karras", 20, kind, numbers=2000)
    expected, _ = draw(name, "karras", 20, numbers=2000)
    assert torch.allclose(drawn, expected, atol=2e-3)


def test_ddim_and_ddpm_along_levels_are_eulers() -> None:
    assert torch.equal(draw("ddim", "karras", 8), draw("euler", "karras", 8))
    assert torch.equal(draw("ddpm", "beta", 8), draw("euler_ancestral", "beta", 8))


def test_eulers_ancestral_steps_hold_for_the_levels_it_was_not_made_for() -> None:
    # the same levels by both ways in
    one, _ = draw("euler_ancestral", "exponential", 30)
    other, _ = draw("dpmpp_2m_sde", "exponential", 30)
    assert float(one.std()) == pytest.approx(float(other.std()), rel=0.15)


@pytest.mark.parametrize("h", [1e-3, 0.1, 1.0, 5.0])
def test_phi_functions(h: float) -> None:
    grid = np.linspace(0, 1, 20001)
    decay = np.exp(-h * (1 - grid))
    assert phi(1, h) == pytest.approx(np.trapezoid(decay, grid), rel=1e-5)
    assert phi(2, h) == pytest.approx(np.trapezoid(decay * grid, grid), rel=1e-4)


def test_fresh_noise_makes_up_for_what_was_walked_too_far() -> None:
    down, up = split(3.0, 2.0)
    assert down**2 + up**2 == pytest.approx(4.0)


@pytest.mark.parametrize("steps", [5, 9])
def test_remembered_coefficients_are_diffusers_own(steps: int) -> None:
    for _ in range(2):
        made = Schedules(CONFIG).make("lms", "karras", steps)
        theirs = LMSDiscreteScheduler.from_config(made.config)
        for scheduler in (made, theirs):
            scheduler.set_timesteps(steps)
        assert torch.equal(made.sigmas, theirs.sigmas)
        for place in range(steps):
            order = min(place + 1, 4)
            for number in range(order):
                ours = made.get_lms_coefficient(order, place, number)
                assert ours == theirs.get_lms_coefficient(order, place, number)


@pytest.mark.parametrize("name", [name for name in NAMES if "linear_quadratic" in SAMPLERS[name].schedulers])
def test_levels_that_share_a_training_step_are_all_walked(name: str) -> None:
    made = Schedules(CONFIG).make(name, "linear_quadratic", 30)
    latents = torch.zeros(1, 1, 2, 2)
    times = set_steps(made, 30, None, torch.device("cpu"))
    assert len(times) >= 30
    for time in times:
        made.scale_model_input(latents, time)
        made.step(latents, time, latents, **step_arguments(made, torch.Generator()), return_dict=False)
    assert made.step_index == len(times)
