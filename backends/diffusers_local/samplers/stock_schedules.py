"""Makes the diffusers scheduler of a work that runs through its model's own pipeline."""

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import diffusers
import numpy as np

from backends.contract import Work

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


def make_scheduler(work: Work, model: "StockModel") -> Any:
    """A scheduler for this work alone. The names must be among the family's."""
    if model.stock.noise == "diffusion":
        return model.schedules.make(work.sampler, work.scheduler, work.steps)
    name = _CLASSES.get(work.sampler, model.scheduler)
    kind = getattr(diffusers, name)
    known = set(inspect.signature(kind.__init__).parameters)
    config = model.config if name == model.scheduler else _translated(model.config)
    config = {**config, **_SPACED.get(work.scheduler, {})}
    return kind(**{key: value for key, value in config.items() if key in known})


def _translated(config: Mapping[str, Any]) -> dict[str, Any]:
    """A flow model's configuration for the other class of scheduler: the shift is what matters."""
    shift = config.get("shift", config.get("flow_shift", 1.0))
    flow = {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}
    return {**flow, "shift": shift, "flow_shift": shift}


def levels_of(work: Work, model: "StockModel") -> list[float]:
    """The noise levels before a flow model's shift, falling; none where the pipeline or its sampler lays them
    out.
    """
    if model.stock.noise != "flow":
        return []
    if work.scheduler == "normal":
        levels = np.linspace(1.0, _LAST, work.steps)
    elif work.scheduler == "sgm_uniform":
        levels = np.linspace(1.0, _LAST, work.steps + 1)[:-1]
    else:
        return []
    return [float(level) for level in levels]
