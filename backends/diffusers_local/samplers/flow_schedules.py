"""Makes the diffusers scheduler of a request to a flow model, and lays out the noise levels it walks."""

import copy
import inspect
from collections.abc import Mapping
from itertools import chain, pairwise
from typing import Any

import diffusers
import numpy as np
import torch

from backends.diffusers_local.samplers import flow_solvers
from backends.diffusers_local.samplers.flow import FLOW_SAMPLERS, FlowSampler, flow_refusal
from backends.diffusers_local.samplers.spacings import SPACINGS, Sigmas
from backends.diffusers_local.samplers.walks import Walk

_NEARLY_ONE = 0.999
"""Where a walk in logarithms begins instead of at 1, which has no signal to take the logarithm of."""

_OF_ITS_SAMPLER = frozenset(
    """stochastic_sampling use_karras_sigmas use_exponential_sigmas use_beta_sigmas algorithm_type
    solver_order solver_type solver_p disable_corrector lower_order_final euler_at_final
    final_sigmas_type""".split()
)
"""What a scheduler's configuration says of the sampler its model was published with: left in, it would bend
every other one.
"""

_SPACED = {"karras": "use_karras_sigmas", "exponential": "use_exponential_sigmas"}


class FlowSchedules:
    """The schedules of one flow model.

    `config` is the model's own scheduler configuration. `patch` is how many latent cells along each side
    make one token of the denoiser: the shift of the levels depends on how many tokens a picture has.
    """

    def __init__(self, config: Mapping[str, Any], patch: int = 2) -> None:
        self._config = {key: value for key, value in config.items() if key not in _OF_ITS_SAMPLER}
        self._config.setdefault("shift", config.get("flow_shift", 1.0))
        self._patch = patch
        self._made: dict[str, Any] = {}

    def refusal(self, walk: Walk) -> str:
        """See Walks.refusal."""
        return flow_refusal(walk.sampler, walk.scheduler)

    def begin(self, walk: Walk, device: torch.device) -> tuple[Any, torch.Tensor]:
        """See Walks.begin."""
        scheduler = self.make(walk.sampler)
        if walk.steps == 0:
            return scheduler, torch.empty(0)
        sampler = FLOW_SAMPLERS[walk.sampler]
        shift = self._shift(walk.cells)
        # the levels set here are the class's own; all but "normal" replaces them
        given = {"mu": shift} if scheduler.config.get("use_dynamic_shifting") else {}
        scheduler.set_timesteps(walk.steps, device=device, **given)
        if not (sampler.own and walk.scheduler == "normal" and self._goes_alone):
            self._lay(scheduler, sampler, self._levels(walk, shift), device)
        part = walk.steps if walk.strength is None else min(walk.steps * walk.strength, walk.steps)
        skipped = int(max(walk.steps - part, 0)) * scheduler.order
        scheduler.set_begin_index(skipped)
        return scheduler, scheduler.timesteps[skipped:]

    def first(self, scheduler: Any, noise: torch.Tensor) -> torch.Tensor:
        """Just noise: level 1 has nothing else."""
        return noise

    def noised(
        self, scheduler: Any, kept: torch.Tensor, noise: torch.Tensor, times: torch.Tensor
    ) -> torch.Tensor:
        """See Walks.noised."""
        if hasattr(scheduler, "scale_noise"):
            latents: torch.Tensor = scheduler.scale_noise(kept, times, noise)
        else:
            index = scheduler.begin_index if scheduler.step_index is None else scheduler.step_index
            level = scheduler.sigmas[index].to(kept.device, kept.dtype)
            latents = level * noise + (1.0 - level) * kept
        return latents

    def given(self, scheduler: Any, latents: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        """The latents as they are."""
        return latents

    def make(self, sampler: str) -> Any:
        """A scheduler of the caller's own, its levels not yet set. Raises KeyError for names that
        `flow.flow_refusal` refuses.
        """
        made = self._made.get(sampler)
        if made is None:
            made = self._made[sampler] = self._build(FLOW_SAMPLERS[sampler])
        return copy.deepcopy(made)

    def _build(self, sampler: FlowSampler) -> Any:
        rooms = (flow_solvers, diffusers)
        kind = next(getattr(room, sampler.scheduler) for room in rooms if hasattr(room, sampler.scheduler))
        known = set(inspect.signature(kind.__init__).parameters)
        flow = {
            "use_flow_sigmas": True,
            "prediction_type": "flow_prediction",
            "flow_shift": self._config["shift"],
            "use_dynamic_shifting": self._dynamic and sampler.own and self._goes_alone,
        }
        config = {**self._config, **flow, **sampler.options}
        return kind(**{key: value for key, value in config.items() if key in known})

    @property
    def _dynamic(self) -> bool:
        """Whether the shift depends on the picture's size."""
        return bool(self._config.get("use_dynamic_shifting"))

    @property
    def _goes_alone(self) -> bool:
        """Whether diffusers' solvers can make this model's levels by themselves."""
        return not self._dynamic or self._config.get("time_shift_type", "exponential") == "exponential"

    def _shift(self, cells: int) -> float | None:
        """The shift for a picture of so many latent cells, as the stock pipelines interpolate it; None for
        models with a fixed one.
        """
        if not self._dynamic:
            return None
        least, most = self._config.get("base_image_seq_len", 256), self._config.get("max_image_seq_len", 4096)
        low, high = self._config.get("base_shift", 0.5), self._config.get("max_shift", 1.15)
        slope = (high - low) / (most - least)
        tokens = cells // self._patch**2
        return float(tokens * slope + (low - slope * least))

    def _levels(self, walk: Walk, shift: float | None) -> Sigmas:
        """The noise levels before each step, falling from about 1."""
        rule = self._rule(walk.scheduler)
        logarithmic = FLOW_SAMPLERS[walk.sampler].walk in ("logarithmic", "between")
        trained, count = rule.config.num_train_timesteps, walk.steps
        given: dict[str, Any] = {} if shift is None else {"mu": shift}
        if walk.scheduler in SPACINGS:
            rule.set_timesteps(trained, sigmas=np.arange(trained, 0, -1) / trained, **given)
            return SPACINGS[walk.scheduler](rule.sigmas[:-1].flip(0).double().numpy(), count)
        if walk.scheduler == "simple" or (walk.scheduler == "normal" and logarithmic):
            given["sigmas"] = np.linspace(1.0, 1.0 / count, count)
        elif walk.scheduler == "sgm_uniform":
            given["sigmas"] = np.linspace(1.0, 1.0 / trained, count + 1)[:-1]
        rule.set_timesteps(count, **given)
        levels: Sigmas = rule.sigmas[:-1].double().numpy()
        return levels

    def _rule(self, name: str) -> Any:
        """diffusers' own keeper of a flow model's levels, with this scheduler's switch on."""
        kind = diffusers.FlowMatchEulerDiscreteScheduler
        known = set(inspect.signature(kind.__init__).parameters)
        config = {key: value for key, value in self._config.items() if key in known}
        config |= dict.fromkeys(("use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas"), False)
        return kind(**config | ({_SPACED[name]: True} if name in _SPACED else {}))

    def _lay(self, scheduler: Any, sampler: FlowSampler, falling: Sigmas, device: torch.device) -> None:
        """Give the scheduler these levels, in the places where its class keeps them."""
        levels = torch.from_numpy(falling).float()
        if sampler.walk == "logarithmic":
            second = float(levels[1]) if len(levels) > 1 else 0.0
            levels[0] = min(float(levels[0]), max(_NEARLY_ONE, (1 + second) / 2))
        if sampler.walk == "between":
            falls = [float(level) for level in levels]
            inner = [scheduler.between(above, below) for above, below in pairwise(falls)]
            levels = torch.tensor([*chain.from_iterable(zip(falls, inner, strict=False)), falls[-1]])
        if sampler.walk == "twice":
            levels = torch.cat([levels[:1], levels[1:].repeat_interleave(2)])
        trained = self._config.get("num_train_timesteps", 1000)
        # diffusers keeps levels on the processor, where reading one costs nothing; only this class computes
        # with them beside the sample
        place = device if sampler.scheduler == "LTXEulerAncestralRFScheduler" else torch.device("cpu")
        scheduler.sigmas = torch.cat([levels, torch.tensor([sampler.end])]).to(place)
        scheduler.timesteps = (levels * trained).to(device)
