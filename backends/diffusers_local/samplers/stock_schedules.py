"""Makes the diffusers scheduler of a work that runs through its model's own pipeline."""

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import diffusers
import numpy as np

from backends.contract import Work
from backends.diffusers_local.samplers.stock import EULER, FLOW
from backends.diffusers_local.samplers.walks import Walk

if TYPE_CHECKING:
    from backends.diffusers_local.loading.stock_model import StockModel

_CLASSES = {"euler": "FlowMatchEulerDiscreteScheduler", "dpmpp_2m": "DPMSolverMultistepScheduler"}
_SPACED = {
    "karras": {"use_karras_sigmas": True},
    "exponential": {"use_exponential_sigmas": True},
    "beta": {"use_beta_sigmas": True},
}
_LAST = 1 / 1000
"""The lowest noise level a flow model was trained on."""


def make_scheduler(work: Work, model: "StockModel", cells: int) -> Any:
    """A scheduler for this work of so many latent cells alone. The names must be among the family's."""
    if model.stock.noise == "diffusion":
        return model.schedules.make(work.sampler, work.scheduler, work.steps)
    if model.stock.noise == "flow" and not is_plain(work, model):
        walk = Walk(work.sampler, work.scheduler, work.steps, None, cells)
        return _settled(model.flow.begin(walk, model.device)[0])
    name = _CLASSES.get(work.sampler, model.scheduler)
    kind = getattr(diffusers, name)
    known = set(inspect.signature(kind.__init__).parameters)
    config = model.config if name == model.scheduler else _translated(model.config)
    config = {**config, **_SPACED.get(work.scheduler, {})}
    return kind(**{key: value for key, value in config.items() if key in known})


def is_plain(work: Work, model: "StockModel") -> bool:
    """Whether the pipeline walks this with the scheduler it was made for, and with its own levels."""
    return model.stock.samplers != FLOW or work.scheduler in EULER.get(work.sampler, ())


def _settled(scheduler: Any) -> Any:
    """A scheduler whose levels are laid out: the pipeline's own wishes for them change nothing any more."""

    def set_timesteps(
        num_inference_steps: int | None = None,
        device: Any = None,
        sigmas: Any = None,
        mu: float | None = None,
    ) -> None:
        """Has the arguments that pipelines look for."""

    scheduler.set_timesteps = set_timesteps
    return scheduler


def _translated(config: Mapping[str, Any]) -> dict[str, Any]:
    """A flow model's configuration for the other class of scheduler: the shift is what matters."""
    shift = config.get("shift", config.get("flow_shift", 1.0))
    flow = {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}
    return {**flow, "shift": shift, "flow_shift": shift}


def levels_of(work: Work, model: "StockModel") -> list[float]:
    """The noise levels before a flow model's shift, falling; none where the pipeline or its sampler lays them
    out.
    """
    if model.stock.noise != "flow" or not is_plain(work, model):
        return []
    if work.scheduler == "normal":
        levels = np.linspace(1.0, _LAST, work.steps)
    elif work.scheduler == "sgm_uniform":
        levels = np.linspace(1.0, _LAST, work.steps + 1)[:-1]
    else:
        return []
    return [float(level) for level in levels]
