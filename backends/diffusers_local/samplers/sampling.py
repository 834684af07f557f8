"""Samplers and schedulers by SwarmUI's names, as data: which diffusers class draws each and with which
options.

Nothing native is imported here, so that the hub can list and refuse by the same table. A combination that
is not here is refused at once, by name: silently taking another one would give a picture nobody asked for.
"""

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct

Options = Mapping[str, str | int | bool]

_NORMAL: Options = {"timestep_spacing": "linspace"}
_KARRAS: Options = {"timestep_spacing": "linspace", "use_karras_sigmas": True}
_EXPONENTIAL: Options = {"timestep_spacing": "linspace", "use_exponential_sigmas": True}
_TRAILING: Options = {"timestep_spacing": "trailing"}

SCHEDULERS: Mapping[str, Options] = MappingProxyType(
    {
        "normal": _NORMAL,
        "karras": _KARRAS,
        "exponential": _EXPONENTIAL,
        # these two bring their own levels (spacings.py) through the door that "exponential" opens
        "beta": _EXPONENTIAL,
        "kl_optimal": _EXPONENTIAL,
        "simple": _TRAILING,
        "ddim_uniform": {"timestep_spacing": "leading"},
        "sgm_uniform": _TRAILING,
    }
)
"""Scheduler name -> options of the diffusers class. "simple" and "sgm_uniform" both begin at the last
training step and walk down evenly; diffusers has one word for that.
"""

_SPACINGS = ("normal", "simple", "sgm_uniform", "ddim_uniform")
LEVELS = ("karras", "exponential", "beta", "kl_optimal")
"""Schedulers that space noise levels; the others space training steps."""

_ALL = (*_SPACINGS, *LEVELS)
# kl_optimal's first step falls so far that a second-order guess at its end flies off (seen: false colours)
_NO_LEAP = tuple(name for name in _ALL if name != "kl_optimal")


class Sampler(Struct, frozen=True):
    """`scheduler` is the diffusers class, `options` what makes it this sampler, `schedulers` the names it
    goes with.

    `most_steps` is the largest number of steps it can be asked for (0: any).
    """

    scheduler: str
    options: Options = {}
    schedulers: tuple[str, ...] = _ALL
    most_steps: int = 0


def _multistep(**options: str | int | bool) -> Sampler:
    return Sampler("DPMSolverMultistepScheduler", options)


_SDE = "sde-dpmsolver++"
_SINGLE_SDE = Sampler(
    "DPMSolverSinglestepScheduler",
    {"algorithm_type": _SDE, "lower_order_final": True},
    ("normal", *LEVELS),
)

SAMPLERS: Mapping[str, Sampler] = MappingProxyType(
    {
        "euler": Sampler("EulerDiscreteScheduler"),
        "euler_ancestral": Sampler("EulerAncestralDiscreteScheduler", {}, _SPACINGS),
        "heun": Sampler("HeunDiscreteScheduler", {}, _NO_LEAP),
        "dpm_2": Sampler("KDPM2DiscreteScheduler"),
        "dpm_2_ancestral": Sampler("KDPM2AncestralDiscreteScheduler", {}, _NO_LEAP),
        "dpmpp_sde": _SINGLE_SDE,
        "dpmpp_sde_gpu": _SINGLE_SDE,
        "dpmpp_2m": _multistep(algorithm_type="dpmsolver++", solver_order=2),
        "dpmpp_2m_sde": _multistep(algorithm_type=_SDE, solver_order=2),
        "dpmpp_2m_sde_gpu": _multistep(algorithm_type=_SDE, solver_order=2),
        "dpmpp_2m_sde_heun": _multistep(algorithm_type=_SDE, solver_order=2, solver_type="heun"),
        "dpmpp_2m_sde_heun_gpu": _multistep(algorithm_type=_SDE, solver_order=2, solver_type="heun"),
        "dpmpp_3m_sde": _multistep(algorithm_type=_SDE, solver_order=3),
        "dpmpp_3m_sde_gpu": _multistep(algorithm_type=_SDE, solver_order=3),
        "ddim": Sampler("DDIMScheduler", {}, _SPACINGS),
        "ddpm": Sampler("DDPMScheduler", {}, _SPACINGS),
        "lcm": Sampler("LCMScheduler", {}, ("normal", "simple", "sgm_uniform"), 50),
        "uni_pc": Sampler(
            "UniPCMultistepScheduler", {"solver_type": "bh1", "final_sigmas_type": "sigma_min"}
        ),
        "uni_pc_bh2": Sampler("UniPCMultistepScheduler", {"solver_type": "bh2"}),
        "deis": Sampler("DEISMultistepScheduler", {}),
        "sa_solver": Sampler("SASolverScheduler"),
    }
)
"""Sampler name -> how diffusers draws it."""


def refusal(sampler: str, scheduler: str, steps: int = 0) -> str:
    """Why this combination cannot be drawn, naming what can; "" when it can."""
    chosen = SAMPLERS.get(sampler)
    if chosen is None:
        return f"This engine has no sampler {sampler!r}; it has: {', '.join(SAMPLERS)}."
    if scheduler not in SCHEDULERS:
        return f"This engine has no scheduler {scheduler!r}; it has: {', '.join(SCHEDULERS)}."
    if scheduler not in chosen.schedulers:
        fitting = ", ".join(chosen.schedulers)
        return (
            f"The sampler {sampler!r} does not go with the scheduler {scheduler!r}; it goes with: {fitting}."
        )
    if chosen.most_steps and steps > chosen.most_steps:
        return f"The sampler {sampler!r} takes at most {chosen.most_steps} steps; {steps} were asked for."
    return ""


def options_of(sampler: str, scheduler: str) -> dict[str, str | int | bool]:
    """The options for the sampler's diffusers class."""
    return {**SCHEDULERS[scheduler], **SAMPLERS[sampler].options}
