"""Makes the diffusers scheduler of a request: the model's own noise schedule, the sampler's class and
options.
"""

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import diffusers
import numpy as np
import torch

from backends.diffusers_local.samplers import levelled, multistep, remembering, two_stage
from backends.diffusers_local.samplers.sampling import LEVELS, SAMPLERS, options_of, refusal
from backends.diffusers_local.samplers.spacings import ALIGNED, DOORLESS, SPACINGS, Sigmas, aligned_sigmas
from backends.diffusers_local.samplers.walks import Walk

_ROOMS = (levelled, multistep, remembering, two_stage, diffusers)
"""Where the class that a sampler names is looked for."""

_HIGHEST = 80.0
"""Highest noise level of a zero terminal SNR schedule for samplers that count in levels: the true last one is
infinite. At 80 the picture is an eightieth of the noise, which no model can see; at diffusers' own stand-in
(4096) samplers of the second order blow up and Karras' spacing spends half its steps on nothing.
"""


_OF_ITS_SAMPLER = frozenset(
    """algorithm_type solver_order solver_type solver_p disable_corrector predictor_order corrector_order
    lower_order_final euler_at_final final_sigmas_type use_lu_lambdas variance_type lambda_min_clipped
    use_karras_sigmas use_exponential_sigmas use_beta_sigmas timestep_type""".split()
)
"""What a scheduler's configuration says of the sampler its model was published with. Left in, it would bend
every other sampler: a folder that names DPM++ with Karras' levels would draw those whatever was asked for.
"""


class _Door:
    """Stands in for a scheduler's own exponential levels."""

    def __init__(self, levels: Callable[[int], Sigmas]) -> None:
        self._levels = levels

    def __call__(self, in_sigmas: Any, num_inference_steps: int) -> Sigmas:
        """The name and the arguments are diffusers'; the levels it offers are not needed."""
        return self._levels(num_inference_steps)


class Schedules:
    """The schedulers of one model. `config` is the model's own scheduler configuration; `aligned` are the
    levels that "align_your_steps" goes through for its kind.
    """

    def __init__(self, config: Mapping[str, Any], aligned: Sequence[float] = ALIGNED) -> None:
        self._config = {key: value for key, value in config.items() if key not in _OF_ITS_SAMPLER}
        self._spacings = {**SPACINGS, "align_your_steps": aligned_sigmas(aligned)}
        self._ends_in_noise = bool(self._config.get("rescale_betas_zero_snr"))
        self._made: dict[tuple[str, str], Any] = {}

    def refusal(self, walk: Walk) -> str:
        """See Walks.refusal."""
        return refusal(walk.sampler, walk.scheduler, walk.steps)

    def begin(self, walk: Walk, device: torch.device) -> tuple[Any, torch.Tensor]:
        """See Walks.begin."""
        scheduler = self.make(walk.sampler, walk.scheduler, walk.steps)
        if walk.steps == 0:
            return scheduler, torch.empty(0)
        return scheduler, set_steps(scheduler, walk.steps, walk.strength, device)

    def first(self, scheduler: Any, noise: torch.Tensor) -> torch.Tensor:
        """Noise as large as the scheduler's first level."""
        latents: torch.Tensor = noise * scheduler.init_noise_sigma
        return latents

    def noised(
        self, scheduler: Any, kept: torch.Tensor, noise: torch.Tensor, times: torch.Tensor
    ) -> torch.Tensor:
        """See Walks.noised."""
        latents: torch.Tensor = scheduler.add_noise(kept, noise, times)
        return latents

    def given(self, scheduler: Any, latents: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        """The latents scaled as the scheduler's kind of noise level wants it."""
        sample: torch.Tensor = scheduler.scale_model_input(latents, time)
        return sample

    def make(self, sampler: str, scheduler: str, steps: int = 0) -> Any:
        """A scheduler of the caller's own; raises KeyError for names that `sampling.refusal` refuses."""
        if steps == 1 and scheduler == "normal" and "simple" in SAMPLERS[sampler].schedulers:
            # one step spread from the first to the last is the last: nothing would be drawn
            scheduler = "simple"
        made = self._made.get((sampler, scheduler))
        if made is None:
            made = self._made[sampler, scheduler] = self._build(sampler, scheduler)
        return copy.deepcopy(made)

    def _build(self, sampler: str, scheduler: str) -> Any:
        kind = _class_of(sampler, scheduler)
        known = set(inspect.signature(kind.__init__).parameters)
        config = {key: value for key, value in self._config.items() if key in known}
        config.update({key: value for key, value in options_of(sampler, scheduler).items() if key in known})
        if "clip_sample" in known and "clip_sample" not in self._config:
            # clipping belongs to pixel models; several classes clip unless told not to
            config["clip_sample"] = False
        if self._ends_in_noise and (scheduler in LEVELS or "rescale_betas_zero_snr" not in known):
            config["trained_betas"] = self._finite_betas()
            config.pop("rescale_betas_zero_snr", None)
        made = kind(**config)
        levels = self._spacings.get(scheduler)
        if isinstance(made, levelled.LevelledEulerAncestral):
            made.levels = partial(levels or DOORLESS[scheduler], self._training_sigmas())
        elif levels is not None:
            made._convert_to_exponential = _Door(partial(levels, self._training_sigmas()))
        return made

    def _signal_left(self) -> Sigmas:
        """What is left of the signal (the cumulated alphas) after each training step."""
        ddim = diffusers.DDIMScheduler
        known = set(inspect.signature(ddim.__init__).parameters)
        made = ddim(**{key: value for key, value in self._config.items() if key in known})
        left: Sigmas = made.alphas_cumprod.double().numpy().copy()
        return left

    def _finite(self) -> Sigmas:
        """`_signal_left`, but with no noise level above _HIGHEST when the schedule ends in none."""
        left = self._signal_left()
        if not self._ends_in_noise:
            return left
        floor = 1 / (1 + _HIGHEST**2)
        # still falling a little from step to step, so that every step keeps a level of its own
        return np.maximum(left, floor * (1 + 1e-3 * np.arange(len(left))[::-1]))

    def _training_sigmas(self) -> Sigmas:
        """The noise levels of the model's training steps, rising."""
        left = self._finite()
        levels: Sigmas = np.sqrt((1 - left) / left)
        return levels

    def _finite_betas(self) -> list[float]:
        left = self._finite()
        return [float(beta) for beta in 1 - left / np.concatenate([[1.0], left[:-1]])]


def _class_of(sampler: str, scheduler: str) -> Any:
    """The class that draws a sampler along a scheduler's levels: ours where diffusers has none."""
    chosen = SAMPLERS[sampler]
    name = chosen.levelled if chosen.levelled and scheduler in LEVELS else chosen.scheduler
    return next(getattr(room, name) for room in _ROOMS if hasattr(room, name))


def set_steps(scheduler: Any, steps: int, strength: float | None, device: torch.device) -> torch.Tensor:
    """Set the scheduler to `steps` and give the time steps to walk: the last `strength` part of them (None:
    all).

    Same arithmetic as the stock pipelines, so that the same request gives the same picture. Empty when the
    part rounds to nothing. Raises ValueError for a number of steps the scheduler cannot walk.
    """
    scheduler.set_timesteps(steps, device=device)
    times: torch.Tensor = scheduler.timesteps
    strength = 1.0 if strength is None else strength
    skipped = max(steps - min(int(steps * strength), steps), 0) * scheduler.order
    if hasattr(scheduler, "set_begin_index"):
        # else it looks for the first time's place, and finds a later one where levels lie so close that
        # several have the same time: it would walk past the end
        scheduler.set_begin_index(skipped)
    return times[skipped:]


def step_arguments(scheduler: Any, generator: torch.Generator) -> dict[str, Any]:
    """What besides prediction, time and sample this scheduler's `step` takes (as in the stock pipelines)."""
    known = inspect.signature(scheduler.step).parameters
    extra: dict[str, Any] = {"eta": 0.0} if "eta" in known else {}
    return extra | ({"generator": generator} if "generator" in known else {})
