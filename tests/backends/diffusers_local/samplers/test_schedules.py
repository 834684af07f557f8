"""A model's schedules come from its own configuration, its samplers from what is asked."""

from typing import Any

import pytest
import torch
from diffusers import DPMSolverMultistepScheduler

from backends.diffusers_local.samplers.sampling import SAMPLERS
from backends.diffusers_local.samplers.schedules import Schedules

PUBLISHED = {
    "algorithm_type": "sde-dpmsolver++",
    "solver_type": "heun",
    "solver_order": 3,
    "use_karras_sigmas": True,
    "final_sigmas_type": "sigma_min",
}
PLAIN: dict[str, Any] = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}


def schedules(**given: Any) -> Schedules:
    return Schedules(dict(DPMSolverMultistepScheduler(**PLAIN, **given).config))


@pytest.mark.parametrize("sampler", sorted(SAMPLERS))
def test_the_sampler_a_model_was_published_with_does_not_bend_another(sampler: str) -> None:
    scheduler = SAMPLERS[sampler].schedulers[0]
    ours, plain = (made.make(sampler, scheduler) for made in (schedules(**PUBLISHED), schedules()))
    ours.set_timesteps(6)
    plain.set_timesteps(6)
    assert dict(ours.config) == dict(plain.config)
    assert torch.equal(ours.timesteps, plain.timesteps)
