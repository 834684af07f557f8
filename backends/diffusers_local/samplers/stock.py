"""Which samplers go with families that run through their own pipeline: plain values, read by the hub too."""

from collections.abc import Mapping
from types import MappingProxyType

from backends.diffusers_local.samplers.flow import FLOW_SAMPLERS
from backends.diffusers_local.samplers.sampling import SAMPLERS

Pairs = Mapping[str, tuple[str, ...]]

DIFFUSION: Pairs = MappingProxyType({name: sampler.schedulers for name, sampler in SAMPLERS.items()})
"""Models that predict noise by a table of training steps take every sampler."""

OWN = "simple"
"""The scheduler's name for the levels a pipeline lays out by itself: even steps, moved by the model's shift.
"""

EULER: Pairs = MappingProxyType({"euler": (OWN, "normal", "sgm_uniform", "karras", "exponential", "beta")})
"""Flow models whose pipelines know one sampler."""

FLOW: Pairs = MappingProxyType(
    {
        name: (OWN, *(scheduler for scheduler in sampler.schedulers if scheduler != OWN))
        for name, sampler in FLOW_SAMPLERS.items()
        if OWN in sampler.schedulers
    }
)
"""Flow models whose pipelines walk whatever levels a scheduler holds (from a picture, those of EULER)."""

EULER_OR_DPM: Pairs = MappingProxyType({"dpmpp_2m": (OWN,), "euler": (OWN, "karras", "exponential", "beta")})
"""Flow models whose pipeline lays out no levels but leaves that to the sampler."""

CONSISTENCY: Pairs = MappingProxyType({"lcm": (OWN,)})
"""Models trained to jump to the picture in a few steps, renewing the noise between them."""
