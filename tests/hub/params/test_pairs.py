"""Samplers and schedulers that do not go together are refused by name; what is filled in goes."""

from typing import Any

import pytest
from msgspec import Struct

from backends.contract import EngineType
from hub.errors import BadInput
from hub.params import Context, GenRequest, Registry, parse
from hub.params.pairs import Asked, Pairs
from tests.hub.params.conftest import person


def kind(**more: Any) -> EngineType:
    values: dict[str, Any] = {
        "id": "one",
        "samplers": ("euler", "ddim", "lcm"),
        "schedulers": ("normal", "karras", "sgm_uniform"),
        "pairs": {"ddim": ("normal", "sgm_uniform"), "lcm": ("normal",)},
        "class_pairs": {"Flux.1-dev": {"euler": ("simple",)}},
    }
    return EngineType(name="One", description="", settings=Struct, drawer="", **values | more)


ANY = Asked("stable-diffusion-v1")
FLUX = Asked("Flux.1-dev")


class TestPairs:
    def test_what_an_engine_names(self) -> None:
        pairs = Pairs([kind()])
        assert pairs.goes("ddim", "normal", ANY) and not pairs.goes("ddim", "karras", ANY)
        assert pairs.goes("euler", "karras", ANY) and not pairs.goes("heun", "normal", ANY)

    def test_a_class_with_samplers_of_its_own_has_only_those(self) -> None:
        pairs = Pairs([kind()])
        assert pairs.goes("euler", "simple", FLUX)
        assert not pairs.goes("euler", "normal", FLUX) and not pairs.goes("ddim", "normal", FLUX)

    def test_one_of_several_engines_is_enough(self) -> None:
        pairs = Pairs([kind(), kind(id="two", pairs={})])
        assert pairs.goes("ddim", "karras", ANY)
        assert not pairs.goes("ddim", "karras", Asked(ANY.class_id, "one"))
        assert not Pairs([kind(accepts=("other",)), kind(id="two")]).goes("ddim", "karras", ANY)

    def test_a_class_s_own_come_first(self) -> None:
        pairs = Pairs([kind(class_pairs={"x": {"lcm": ("simple", "normal"), "euler": ("normal",)}})])
        assert pairs.own(Asked("x")) == ("lcm", "simple")
        assert pairs.own(ANY) == (None, None)

    def test_the_most_steps_are_those_of_the_most_able_engine(self) -> None:
        few, more = kind(most_steps={"lcm": 50, "karras": 10}), kind(id="two", most_steps={"lcm": 60})
        assert Pairs([few]).most_steps("lcm", "normal", ANY) == 50
        assert Pairs([few]).most_steps("euler", "karras", ANY) == 10
        assert Pairs([few, more]).most_steps("lcm", "normal", ANY) == 60
        assert Pairs([few, kind(id="three")]).most_steps("lcm", "normal", ANY) is None
        assert Pairs([few]).most_steps("euler", "normal", ANY) is None
        assert Pairs([kind(most_steps={"euler": 5})]).most_steps("euler", "simple", FLUX) is None

    def test_too_many_steps_are_refused_with_the_number(self) -> None:
        with pytest.raises(BadInput, match=r"Refiner Steps: 51, .* takes at most 50 steps") as refused:
            Pairs([kind(most_steps={"lcm": 50})]).check_steps("lcm", "normal", 51, ANY, prefix="Refiner ")
        assert refused.value.extra == {"field": "refinersteps", "limit": 50}

    def test_no_engine_narrows_nothing(self) -> None:
        assert Pairs([]).goes("anything", "at all", ANY)
        assert Pairs([kind(samplers=(), schedulers=(), pairs={}, class_pairs={})]).goes("any", "any", ANY)

    def test_a_refusal_names_what_goes(self) -> None:
        with pytest.raises(
            BadInput, match="'ddim' does not go with the scheduler 'karras'; it goes with: normal"
        ):
            Pairs([kind()]).check("ddim", "karras", ANY)
        with pytest.raises(BadInput) as refused:
            Pairs([kind()]).check("ddim", "normal", FLUX, prefix="Refiner ")
        assert refused.value.extra == {"field": "refinersampler", "limit": ["euler"]}


class TestInARequest:
    @pytest.fixture
    def ask(self, context: Context) -> Any:
        narrow = Context(
            registry=Registry([kind()]), catalog=context.catalog, limits=context.limits, random=context.random
        )

        def run(**keys: Any) -> GenRequest:
            return parse({"images": 1, **keys}, person(), narrow)

        return run

    def test_steps_are_held_to_what_the_sampler_takes(self, context: Context) -> None:
        narrow = Context(
            registry=Registry([kind(most_steps={"lcm": 3})]), catalog=context.catalog, limits=context.limits
        )
        lcm = {"images": 1, "sampler": "lcm"}
        assert parse(lcm, person(), narrow).steps == 3, "lowered when nobody asked for them"
        with pytest.raises(BadInput, match="at most 3 steps"):
            parse({**lcm, "steps": 4}, person(), narrow)
        again = {"refinerupscale": 2, "refinersampler": "lcm", "refinerscheduler": "normal"}
        with pytest.raises(BadInput, match="Refiner Steps: 9"):
            parse({"images": 1, "steps": 9, **again}, person(), narrow)

    def test_the_model_s_own(self, ask: Any) -> None:
        request = ask()
        assert (request.sampler, request.scheduler) == ("ddim", "sgm_uniform")
        assert {"sampler", "scheduler"} <= set(request.defaults_used)

    def test_what_is_filled_goes_with_what_is_given(self, ask: Any) -> None:
        assert ask(sampler="lcm").scheduler == "normal"
        assert ask(scheduler="karras").sampler == "euler"

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"sampler": "ddim", "scheduler": "karras"}, "scheduler"),
            (
                {"refinerupscale": 2, "refinersampler": "lcm", "refinerscheduler": "karras"},
                "refinerscheduler",
            ),
            ({"refinerupscale": 2, "refinersampler": "lcm"}, "refinerscheduler"),
        ],
    )
    def test_refused(self, ask: Any, given: dict[str, Any], field: str) -> None:
        with pytest.raises(BadInput) as refused:
            ask(**given)
        assert refused.value.extra["field"] == field


class TestNearest:
    def test_a_documented_one_that_nobody_has_names_the_nearest(self, context: Context) -> None:
        registry = Registry([kind(nearest={"heunpp2": "ddim", "flux2": "normal"})])
        narrow = Context(registry=registry, catalog=context.catalog, limits=context.limits)
        for name, near in (("sampler", ("heunpp2", "ddim")), ("scheduler", ("flux2", "normal"))):
            with pytest.raises(BadInput, match=f"; the nearest here is '{near[1]}'"):
                parse({"images": 1, name: near[0]}, person(), narrow)
        with pytest.raises(BadInput) as refused:
            parse({"images": 1, "sampler": "er_sde"}, person(), narrow)
        assert "nearest" not in refused.value.text

    def test_samplers_of_a_single_class_are_offered_too(self) -> None:
        registry = Registry([kind(class_pairs={"x": {"scm": ("trig",)}})])
        assert list(registry.source("samplers").names)[-1] == "scm"
        assert list(registry.source("schedulers").names)[-1] == "trig"
