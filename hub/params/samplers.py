"""The documented samplers and schedulers, and which of them the engines here can do (swarm-api §5.4)."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

SAMPLERS: Mapping[str, str] = MappingProxyType(
    {
        "euler": "Euler",
        "euler_ancestral": "Euler Ancestral",
        "heun": "Heun",
        "heunpp2": "Heun++ 2",
        "dpm_2": "DPM-2",
        "dpm_2_ancestral": "DPM-2 Ancestral",
        "lms": "LMS",
        "dpm_fast": "DPM Fast",
        "dpm_adaptive": "DPM Adaptive",
        "dpmpp_2s_ancestral": "DPM++ 2S Ancestral",
        "dpmpp_sde": "DPM++ SDE",
        "dpmpp_sde_gpu": "DPM++ SDE (GPU noise)",
        "dpmpp_2m": "DPM++ 2M",
        "dpmpp_2m_sde": "DPM++ 2M SDE",
        "dpmpp_2m_sde_gpu": "DPM++ 2M SDE (GPU noise)",
        "dpmpp_3m_sde": "DPM++ 3M SDE",
        "dpmpp_3m_sde_gpu": "DPM++ 3M SDE (GPU noise)",
        "ddim": "DDIM",
        "ddpm": "DDPM",
        "lcm": "LCM",
        "uni_pc": "UniPC",
        "uni_pc_bh2": "UniPC BH2",
        "res_multistep": "Res Multistep",
        "res_multistep_ancestral": "Res Multistep Ancestral",
        "ipndm": "iPNDM",
        "ipndm_v": "iPNDM V",
        "deis": "DEIS",
        "gradient_estimation": "Gradient Estimation",
        "er_sde": "ER-SDE",
        "seeds_2": "SEEDS 2",
        "seeds_3": "SEEDS 3",
        "sa_solver": "SA-Solver",
        "sa_solver_pece": "SA-Solver PECE",
        "exp_heun_2_x0": "Exponential Heun 2",
        "exp_heun_2_x0_sde": "Exponential Heun 2 SDE",
        "dpmpp_2m_sde_heun": "DPM++ 2M SDE Heun",
        "dpmpp_2m_sde_heun_gpu": "DPM++ 2M SDE Heun (GPU noise)",
        "euler_cfg_pp": "Euler CFG++",
        "euler_ancestral_cfg_pp": "Euler Ancestral CFG++",
        "dpmpp_2m_cfg_pp": "DPM++ 2M CFG++",
        "dpmpp_2s_ancestral_cfg_pp": "DPM++ 2S Ancestral CFG++",
        "res_multistep_cfg_pp": "Res Multistep CFG++",
        "res_multistep_ancestral_cfg_pp": "Res Multistep Ancestral CFG++",
        "gradient_estimation_cfg_pp": "Gradient Estimation CFG++",
    }
)
"""Display names by id, in the documented order."""

SCHEDULERS: Mapping[str, str] = MappingProxyType(
    {
        "normal": "Normal",
        "karras": "Karras",
        "exponential": "Exponential",
        "simple": "Simple",
        "ddim_uniform": "DDIM Uniform",
        "sgm_uniform": "SGM Uniform",
        "turbo": "Turbo",
        "align_your_steps": "Align Your Steps",
        "beta": "Beta",
        "linear_quadratic": "Linear Quadratic",
        "ltxv": "LTX Video",
        "ltxv-image": "LTX Video, still image",
        "kl_optimal": "KL Optimal",
        "flux2": "Flux.2",
        "ideogram4": "Ideogram 4",
        "ideogram4turbo": "Ideogram 4 Turbo",
    }
)
"""Display names by id, in the documented order."""


_OWN: Mapping[str, str] = MappingProxyType(
    {
        "dpmpp_2s": "DPM++ 2S",
        "tcd": "TCD",
        "plms": "PLMS",
    }
)
"""Display names of samplers that engines here bring beside the documented ones."""


def honoured(documented: Mapping[str, str], engines: Iterable[Iterable[str]]) -> dict[str, str]:
    """What some engine can do, documented ones first in their order, then the engines' own names.

    Engines that name nothing narrow nothing: then all documented ones count.
    """
    named = dict.fromkeys(name for names in engines for name in names)
    if not named:
        return dict(documented)
    return {name: text for name, text in documented.items() if name in named} | {
        name: _OWN.get(name, name) for name in named if name not in documented
    }
