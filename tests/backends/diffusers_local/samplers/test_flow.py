"""Flow samplers against a distribution whose answer is known, and against diffusers' own levels."""

import inspect
from typing import Any

import diffusers
import pytest
import torch

from backends.diffusers_local.samplers.flow import FLOW_SAMPLERS, FLOW_SCHEDULERS, flow_refusal
from backends.diffusers_local.samplers.flow_schedules import FlowSchedules
from backends.diffusers_local.samplers.schedules import step_arguments
from backends.diffusers_local.samplers.walks import Walk

CPU = torch.device("cpu")
FIXED = {"shift": 3.0, "num_train_timesteps": 1000}
DYNAMIC = FIXED | {"use_dynamic_shifting": True, "base_shift": 0.5, "max_shift": 1.15}
NAMES = [name for name in FLOW_SAMPLERS if not name.endswith("_gpu")]  # those are the same by another name
PAIRS = [(name, schedule) for name in NAMES for schedule in FLOW_SAMPLERS[name].schedulers]
MEAN, SPREAD = 1.5, 0.5
"""Of the pictures in this one-number world: a normal distribution, whose direction of flow is a formula."""


def direction(x: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
    signal = 1 - level
    spread = signal**2 * SPREAD**2 + level**2
    off = x - signal * MEAN
    return level / spread * off - (MEAN + signal * SPREAD**2 / spread * off)


def draw(sampler: str, schedule: str, steps: int, config: dict[str, Any] = FIXED) -> torch.Tensor:
    schedules = FlowSchedules(config)
    scheduler, times = schedules.begin(Walk(sampler, schedule, steps, None, 64 * 64), CPU)
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(1, 1, 100, 100, generator=generator)
    arguments = step_arguments(scheduler, generator)
    for time in times:
        x = scheduler.step(direction(x, time / 1000), time, x, **arguments, return_dict=False)[0]
    return x


@pytest.mark.parametrize(("sampler", "schedule"), PAIRS)
def test_it_arrives_at_the_distribution(sampler: str, schedule: str) -> None:
    drawn = draw(sampler, schedule, 40)
    assert float(drawn.mean()) == pytest.approx(MEAN, abs=0.03)
    # lcm is for models that jump to the end, single steps lag behind, and the third order is restless
    rough = sampler.startswith(("lcm", "dpmpp_sde", "dpmpp_3m"))
    assert float(drawn.std()) == pytest.approx(SPREAD, abs=0.2 if rough else 0.09)


@pytest.mark.parametrize(("sampler", "schedule"), PAIRS)
@pytest.mark.parametrize("steps", [1, 2, 8])
@pytest.mark.parametrize("config", [FIXED, DYNAMIC, DYNAMIC | {"time_shift_type": "linear"}])
def test_few_steps_stay_near(sampler: str, schedule: str, steps: int, config: dict[str, Any]) -> None:
    drawn = draw(sampler, schedule, steps, config)
    assert float(drawn.mean()) == pytest.approx(MEAN, abs=0.1)
    assert float(drawn.std()) < 2.2 * SPREAD


@pytest.mark.parametrize("steps", [1, 4, 9])
@pytest.mark.parametrize("schedule", FLOW_SCHEDULERS)
def test_as_many_steps_as_asked_for_and_falling(schedule: str, steps: int) -> None:
    for sampler, entry in FLOW_SAMPLERS.items():
        if schedule not in entry.schedulers:
            continue
        scheduler, times = FlowSchedules(DYNAMIC).begin(Walk(sampler, schedule, steps, None, 256), CPU)
        assert len(times) == (2 * steps - 1 if entry.walk in ("twice", "between") else steps)
        assert (scheduler.sigmas.diff() <= 0).all()
        assert float(times[0]) > 990


@pytest.mark.parametrize(
    ("sampler", "kind", "options"),
    [
        ("euler", "FlowMatchEulerDiscreteScheduler", {}),
        ("heun", "FlowMatchHeunDiscreteScheduler", {}),
        ("lcm", "FlowMatchLCMScheduler", {}),
        ("dpmpp_2m", "DPMSolverMultistepScheduler", {"use_flow_sigmas": True, "flow_shift": 3.0}),
        ("uni_pc_bh2", "UniPCMultistepScheduler", {"use_flow_sigmas": True, "flow_shift": 3.0}),
    ],
)
def test_normal_is_what_the_class_does_by_itself(sampler: str, kind: str, options: dict[str, Any]) -> None:
    made = getattr(diffusers, kind)
    wanted = {"shift": 3.0, "prediction_type": "flow_prediction"} | options
    known = inspect.signature(made.__init__).parameters
    theirs = made(**{key: value for key, value in wanted.items() if key in known})
    theirs.set_timesteps(7)
    ours, times = FlowSchedules(FIXED).begin(Walk(sampler, "normal", 7), CPU)
    assert torch.equal(ours.sigmas, theirs.sigmas)
    assert torch.equal(times, theirs.timesteps)


def test_what_a_folder_says_of_its_own_sampler_bends_no_other() -> None:
    own = {"flow_shift": 3.0, "use_karras_sigmas": True, "stochastic_sampling": True, "solver_order": 3}
    for sampler in ("euler", "dpmpp_2m", "lcm"):
        theirs, times = FlowSchedules(own).begin(Walk(sampler, "simple", 7), CPU)
        plain, expected = FlowSchedules({"shift": 3.0}).begin(Walk(sampler, "simple", 7), CPU)
        assert torch.equal(times, expected)
        assert dict(theirs.config) == dict(plain.config)


@pytest.mark.parametrize("schedule", ["karras", "exponential"])
def test_spaced_levels_are_those_of_diffusers(schedule: str) -> None:
    theirs = diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0, **{f"use_{schedule}_sigmas": True})
    theirs.set_timesteps(9)
    ours, _ = FlowSchedules(FIXED).begin(Walk("euler", schedule, 9), CPU)
    assert torch.equal(ours.sigmas, theirs.sigmas)


@pytest.mark.parametrize(
    ("strength", "walked"), [(None, 10), (1.0, 10), (0.75, 8), (0.7, 7), (0.05, 1), (0.0, 0)]
)
def test_a_part_is_counted_as_the_stock_pipelines_count(strength: float | None, walked: int) -> None:
    for sampler in ("euler", "dpmpp_2m", "heun"):
        scheduler, times = FlowSchedules(FIXED).begin(Walk(sampler, "simple", 10, strength), CPU)
        assert len(times) == (max(0, 2 * walked - 1) if scheduler.order == 2 else walked)


def test_no_steps_are_no_times() -> None:
    assert len(FlowSchedules(FIXED).begin(Walk("euler", "normal", 0), CPU)[1]) == 0


@pytest.mark.parametrize("sampler", FLOW_SAMPLERS)
def test_noise_is_added_at_the_level_of_the_next_step(sampler: str) -> None:
    schedules = FlowSchedules(FIXED)
    scheduler, times = schedules.begin(Walk(sampler, "simple", 10, 0.5), CPU)
    kept, noise = torch.full((1, 2, 4, 4), 2.0), torch.randn(1, 2, 4, 4)
    level = scheduler.sigmas[5 * scheduler.order]
    made = schedules.noised(scheduler, kept, noise, times[:1])
    assert torch.allclose(made, (1 - level) * kept + level * noise, atol=1e-6)


class TestRefusals:
    def test_what_goes_is_not_refused(self) -> None:
        assert not any(flow_refusal(*pair) for pair in PAIRS)

    def test_a_sampler_that_flow_models_have_not(self) -> None:
        assert "no sampler 'dpm_fast'" in flow_refusal("dpm_fast", "normal")
        assert "uni_pc_bh2" in flow_refusal("dpm_fast", "normal")

    def test_a_scheduler_that_flow_models_have_not(self) -> None:
        assert "no scheduler 'ddim_uniform'" in flow_refusal("euler", "ddim_uniform")

    def test_a_pair_that_flies_off(self) -> None:
        assert "'uni_pc' does not go with the scheduler 'karras'" in flow_refusal("uni_pc", "karras")
