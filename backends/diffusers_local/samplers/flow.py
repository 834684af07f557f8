"""Samplers and schedulers of flow models (Stable Diffusion 3, Flux …) by SwarmUI's names, as data.

Such a model draws along straight lines between noise and picture: noise level s from 1 to 0, the sample is
(1 - s) * picture + s * noise, and the model says the direction. Which levels are walked and how far each
guess is trusted are the same two choices as for the other models, but fewer of them are written down in
diffusers. Nothing native is imported here, so that the hub can list and refuse by the same table.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from msgspec import Struct

Options = Mapping[str, str | int | bool]

FLOW_SCHEDULERS = ("normal", "simple", "sgm_uniform", "karras", "exponential", "beta", "kl_optimal")
"""Schedulers of flow models. All levels are moved by the model's own shift, except that the last four space
the levels that come out of it.
"""

# these end with a leap over most of the logarithmic scale, where a second-order guess flies off
# (seen on a distribution whose answer is known: up to six times too wide)
_EVEN = ("normal", "simple", "sgm_uniform", "karras", "exponential", "beta")


class FlowSampler(Struct, frozen=True):
    """`scheduler` is the diffusers class (or one of flow_solvers.py), `options` what makes it this sampler,
    `schedulers` the names it goes with.

    `end` is the noise level the last step arrives at: 0, or a thousandth where the formula takes its
    logarithm. `walk` is how the levels are laid out: "plain", "twice" (two evaluations a step but for the
    last), "between" (the second of them at a level of its own) or "logarithmic" (never quite 1, whose
    logarithm of the signal is infinite). In the last two "normal" ends like "simple". With `own`
    the class has levels of its own, which "normal" stands for.
    """

    scheduler: str
    options: Options = {}
    schedulers: tuple[str, ...] = _EVEN
    end: float = 0.0
    walk: Literal["plain", "twice", "between", "logarithmic"] = "logarithmic"
    own: bool = False


def _multistep(**options: str | int | bool) -> FlowSampler:
    return FlowSampler("DPMSolverMultistepScheduler", options, own=True)


def _remembering(scheduler: str) -> FlowSampler:
    # sample - level * answer is the clean picture in the words of models that predict noise
    return FlowSampler(scheduler, {"prediction_type": "epsilon"})


_SDE = "sde-dpmsolver++"
_EULER = FlowSampler("FlowMatchEulerDiscreteScheduler", {}, FLOW_SCHEDULERS, walk="plain")
_SINGLE_SDE = FlowSampler(
    "DPMSolverSinglestepScheduler", {"algorithm_type": _SDE, "lower_order_final": True}, own=True
)
_2M_SDE = _multistep(algorithm_type=_SDE, solver_order=2)
_2M_SDE_HEUN = _multistep(algorithm_type=_SDE, solver_order=2, solver_type="heun")
_3M_SDE = _multistep(algorithm_type=_SDE, solver_order=3)

FLOW_SAMPLERS: Mapping[str, FlowSampler] = MappingProxyType(
    {
        "euler": _EULER,
        "euler_ancestral": FlowSampler("LTXEulerAncestralRFScheduler", {}, FLOW_SCHEDULERS, walk="plain"),
        "heun": FlowSampler("FlowMatchHeunDiscreteScheduler", {}, FLOW_SCHEDULERS, walk="twice"),
        "dpm_2": FlowSampler("Dpm2", {"prediction_type": "epsilon"}, walk="between"),
        "dpmpp_sde": _SINGLE_SDE,
        "dpmpp_sde_gpu": _SINGLE_SDE,
        "dpmpp_2m": _multistep(algorithm_type="dpmsolver++", solver_order=2),
        "dpmpp_2m_sde": _2M_SDE,
        "dpmpp_2m_sde_gpu": _2M_SDE,
        "dpmpp_2m_sde_heun": _2M_SDE_HEUN,
        "dpmpp_2m_sde_heun_gpu": _2M_SDE_HEUN,
        "dpmpp_3m_sde": _3M_SDE,
        "dpmpp_3m_sde_gpu": _3M_SDE,
        # along a straight line the deterministic step of DDIM is Euler's
        "ddim": _EULER,
        "lcm": FlowSampler("FlowMatchLCMScheduler", {}, FLOW_SCHEDULERS, walk="plain"),
        # its first variant divides by the size of a step that is infinite at level 0
        "uni_pc": FlowSampler(
            "UniPCMultistepScheduler",
            {"solver_type": "bh1"},
            ("normal", "simple", "sgm_uniform", "beta"),
            end=1e-3,
        ),
        "uni_pc_bh2": FlowSampler("UniPCMultistepScheduler", {"solver_type": "bh2"}, own=True),
        # the own levels of these two repeat the last one, so that the picture would stay noisy
        "deis": FlowSampler("DEISMultistepScheduler", {}, end=1e-3),
        "sa_solver": FlowSampler("SASolverScheduler", {}, end=1e-3),
        "ipndm": _remembering("IPNDM"),
        "res_multistep": _remembering("ResMultistep"),
        "gradient_estimation": _remembering("GradientEstimation"),
        "exp_heun_2_x0": FlowSampler("ExpHeun2", {"prediction_type": "epsilon"}, walk="between"),
    }
)
"""Sampler name -> how diffusers draws it on flow models."""


def flow_refusal(sampler: str, scheduler: str) -> str:
    """Why this combination cannot be drawn on a flow model, naming what can; "" when it can."""
    chosen = FLOW_SAMPLERS.get(sampler)
    if chosen is None:
        return f"This kind of model has no sampler {sampler!r}; it has: {', '.join(FLOW_SAMPLERS)}."
    if scheduler not in FLOW_SCHEDULERS:
        return f"This kind of model has no scheduler {scheduler!r}; it has: {', '.join(FLOW_SCHEDULERS)}."
    if scheduler not in chosen.schedulers:
        fitting = ", ".join(chosen.schedulers)
        return (
            f"On this kind of model the sampler {sampler!r} does not go with the scheduler {scheduler!r}; "
            f"it goes with: {fitting}."
        )
    return ""
