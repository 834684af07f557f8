"""The table of samplers and schedulers: whole, and every refusal names what goes."""

import pytest

from backends.diffusers_local.engine import ENGINE
from backends.diffusers_local.samplers.sampling import NEAREST, SAMPLERS, SCHEDULERS, refusal
from hub.params import samplers as documented


def test_every_documented_name_is_drawn_or_has_a_nearest() -> None:
    for known, drawn in ((documented.SAMPLERS, SAMPLERS), (documented.SCHEDULERS, SCHEDULERS)):
        missing = set(known) - set(drawn)
        assert missing <= set(NEAREST), missing - set(NEAREST)
        assert {NEAREST[name] for name in missing} <= set(drawn)
    assert not set(NEAREST) & {*SAMPLERS, *SCHEDULERS}


@pytest.mark.parametrize(
    ("sampler", "scheduler", "steps", "words"),
    [
        ("euler", "normal", 20, ""),
        ("heunpp2", "normal", 20, "no sampler 'heunpp2'; the nearest it has is 'heun'"),
        ("euler_cfg_pp", "normal", 20, "the nearest it has is 'euler'"),
        ("euler", "flux2", 20, "no scheduler 'flux2'; the nearest it has is 'simple'"),
        ("nothing", "normal", 20, "it has: euler, "),
        ("euler", "nothing", 20, "it has: normal, "),
        ("plms", "karras", 20, "does not go with the scheduler 'karras'; it goes with: normal, simple"),
        ("lcm", "simple", 51, "the sampler 'lcm' takes at most 50 steps; 51 were asked for"),
        ("euler", "turbo", 11, "the scheduler 'turbo' takes at most 10 steps; 11 were asked for"),
        ("euler", "turbo", 10, ""),
    ],
)
def test_refusals(sampler: str, scheduler: str, steps: int, words: str) -> None:
    said = refusal(sampler, scheduler, steps)
    assert (words.lower() in said.lower()) if words else said == ""


def test_the_hub_reads_the_same_table() -> None:
    assert ENGINE.samplers == tuple(SAMPLERS)
    assert set(ENGINE.pairs) == set(SAMPLERS)
    assert all(set(fitting) <= set(ENGINE.schedulers) for fitting in ENGINE.pairs.values())
    assert ENGINE.nearest == NEAREST
