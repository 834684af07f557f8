"""Samplers and schedulers by SwarmUI's names, as data: which diffusers class draws each and with which
options.

Nothing native is imported here, so that the hub can list and refuse by the same table. A combination that
is not here is refused at once, by name: silently taking another one would give a picture nobody asked for.
"""

from collections.abc import Iterable, Mapping
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
        # these bring their own levels (spacings.py) through the door that "exponential" opens
        "beta": _EXPONENTIAL,
        "kl_optimal": _EXPONENTIAL,
        "align_your_steps": _EXPONENTIAL,
        "linear_quadratic": _EXPONENTIAL,
        "turbo": _EXPONENTIAL,
        "simple": _TRAILING,
        "ddim_uniform": {"timestep_spacing": "leading"},
        "sgm_uniform": _TRAILING,
    }
)
"""Scheduler name -> options of the diffusers class. "simple" and "sgm_uniform" both begin at the last
training step and walk down evenly; diffusers has one word for that.
"""

_SPACINGS = ("normal", "simple", "sgm_uniform", "ddim_uniform")
LEVELS = (
    "karras",
    "exponential",
    "beta",
    "kl_optimal",
    "align_your_steps",
    "linear_quadratic",
    "turbo",
)
"""Schedulers that space noise levels; the others space training steps."""
_MOST: Mapping[str, int] = MappingProxyType({"turbo": 10})
"""The largest number of steps of a scheduler that has one."""

_ALL = (*_SPACINGS, *LEVELS)
_FEW = ("normal", "simple", "sgm_uniform")
# kl_optimal's first step falls so far that a second-order guess at its end flies off (seen: false colours)
_NO_LEAP = tuple(name for name in _ALL if name != "kl_optimal")
# these look back far, and fly off where many small steps are followed by large ones (seen on the starter)
_NO_HASTE = tuple(name for name in _ALL if name != "linear_quadratic")


class Sampler(Struct, frozen=True):
    """`scheduler` is the diffusers class (or one of ours where diffusers has none: multistep.py,
    two_stage.py), `options` what makes it this sampler, `schedulers` the names it goes with.

    `levelled` is another class for the schedulers that space noise levels, where the first knows only
    training steps and the other walks the same way ("" where the first knows both). `most_steps` is the
    largest number of steps it can be asked for (0: any).
    """

    scheduler: str
    options: Options = {}
    schedulers: tuple[str, ...] = _ALL
    levelled: str = ""
    most_steps: int = 0


def _multistep(**options: str | int | bool) -> Sampler:
    return Sampler("DPMSolverMultistepScheduler", options)


def _singlestep(**options: str | int | bool) -> Sampler:
    schedulers = ("normal", *LEVELS)
    return Sampler("DPMSolverSinglestepScheduler", {"lower_order_final": True, **options}, schedulers)


_SDE = "sde-dpmsolver++"
_SINGLE_SDE = _singlestep(algorithm_type=_SDE)
_LMS = Sampler("RememberingLMS", {}, _NO_HASTE)

SAMPLERS: Mapping[str, Sampler] = MappingProxyType(
    {
        "euler": Sampler("EulerDiscreteScheduler"),
        "euler_ancestral": Sampler("EulerAncestralDiscreteScheduler", levelled="LevelledEulerAncestral"),
        "heun": Sampler("HeunDiscreteScheduler", {}, _NO_LEAP),
        "dpm_2": Sampler("KDPM2DiscreteScheduler"),
        "dpm_2_ancestral": Sampler("KDPM2AncestralDiscreteScheduler", {}, _NO_LEAP),
        "lms": _LMS,
        "dpmpp_2s": _singlestep(algorithm_type="dpmsolver++"),
        "dpmpp_sde": _SINGLE_SDE,
        "dpmpp_sde_gpu": _SINGLE_SDE,
        "dpmpp_2m": _multistep(algorithm_type="dpmsolver++", solver_order=2),
        "dpmpp_2m_sde": _multistep(algorithm_type=_SDE, solver_order=2),
        "dpmpp_2m_sde_gpu": _multistep(algorithm_type=_SDE, solver_order=2),
        "dpmpp_2m_sde_heun": _multistep(algorithm_type=_SDE, solver_order=2, solver_type="heun"),
        "dpmpp_2m_sde_heun_gpu": _multistep(algorithm_type=_SDE, solver_order=2, solver_type="heun"),
        "dpmpp_3m_sde": _multistep(algorithm_type=_SDE, solver_order=3),
        "dpmpp_3m_sde_gpu": _multistep(algorithm_type=_SDE, solver_order=3),
        # along noise levels the steps of DDIM and DDPM are Euler's, without and with fresh noise
        "ddim": Sampler("DDIMScheduler", levelled="EulerDiscreteScheduler"),
        "ddpm": Sampler("DDPMScheduler", levelled="LevelledEulerAncestral"),
        "lcm": Sampler("LCMScheduler", {}, _FEW, most_steps=50),
        "tcd": Sampler("TCDScheduler", {}, _FEW, most_steps=50),
        "plms": Sampler("PNDMScheduler", {"skip_prk_steps": True}, _SPACINGS),
        "uni_pc": Sampler(
            "UniPCMultistepScheduler", {"solver_type": "bh1", "final_sigmas_type": "sigma_min"}, _NO_HASTE
        ),
        "uni_pc_bh2": Sampler("UniPCMultistepScheduler", {"solver_type": "bh2"}),
        "ipndm_v": _LMS,  # the same formula by another name
        "ipndm": Sampler("IPNDM"),
        "res_multistep": Sampler("ResMultistep"),
        "res_multistep_ancestral": Sampler("ResMultistepAncestral"),
        "gradient_estimation": Sampler("GradientEstimation"),
        "er_sde": Sampler("ErSde"),
        "dpmpp_2s_ancestral": Sampler("Dpmpp2SAncestral"),
        "seeds_2": Sampler("Seeds2"),
        "exp_heun_2_x0": Sampler("ExpHeun2"),
        "exp_heun_2_x0_sde": Sampler("ExpHeun2Sde"),
        "deis": Sampler("DEISMultistepScheduler", {}, _NO_HASTE),
        "sa_solver": Sampler("SASolverScheduler", {}, _NO_HASTE),
    }
)
"""Sampler name -> how diffusers draws it."""

NEAREST: Mapping[str, str] = MappingProxyType(
    {
        "heunpp2": "heun",
        "dpm_fast": "dpmpp_2s",
        "dpm_adaptive": "dpmpp_2m",
        "seeds_3": "seeds_2",
        "sa_solver_pece": "sa_solver",
        "euler_cfg_pp": "euler",
        "euler_ancestral_cfg_pp": "euler_ancestral",
        "dpmpp_2m_cfg_pp": "dpmpp_2m",
        "dpmpp_2s_ancestral_cfg_pp": "dpmpp_2s_ancestral",
        "res_multistep_cfg_pp": "res_multistep",
        "res_multistep_ancestral_cfg_pp": "res_multistep_ancestral",
        "gradient_estimation_cfg_pp": "gradient_estimation",
        "ltxv": "simple",
        "ltxv-image": "simple",
        "flux2": "simple",
        "ideogram4": "simple",
        "ideogram4turbo": "turbo",
    }
)
"""Samplers and schedulers that others have and this engine has not -> the one here that comes nearest."""


MOST_STEPS: Mapping[str, int] = MappingProxyType(
    {name: sampler.most_steps for name, sampler in SAMPLERS.items() if sampler.most_steps} | dict(_MOST)
)
"""The largest number of steps of each sampler and scheduler that has one."""


def refusal(sampler: str, scheduler: str, steps: int = 0) -> str:
    """Why this combination cannot be drawn, naming what can; "" when it can."""
    chosen = SAMPLERS.get(sampler)
    if chosen is None:
        return f"This engine has no sampler {sampler!r}; {_instead(sampler, SAMPLERS)}."
    if scheduler not in SCHEDULERS:
        return f"This engine has no scheduler {scheduler!r}; {_instead(scheduler, SCHEDULERS)}."
    if scheduler not in chosen.schedulers:
        fitting = ", ".join(chosen.schedulers)
        return (
            f"The sampler {sampler!r} does not go with the scheduler {scheduler!r}; it goes with: {fitting}."
        )
    for kind, name, most in (
        ("sampler", sampler, chosen.most_steps),
        ("scheduler", scheduler, _MOST.get(scheduler, 0)),
    ):
        if most and steps > most:
            return f"The {kind} {name!r} takes at most {most} steps; {steps} were asked for."
    return ""


def _instead(name: str, known: Iterable[str]) -> str:
    near = NEAREST.get(name)
    return f"the nearest it has is {near!r}" if near else f"it has: {', '.join(known)}"


def options_of(sampler: str, scheduler: str) -> dict[str, str | int | bool]:
    """The options for the sampler's diffusers class."""
    return {**SCHEDULERS[scheduler], **SAMPLERS[sampler].options}
