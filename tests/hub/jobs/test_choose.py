"""The choice of an engine: fit, preference, refusals with their reasons."""

from collections.abc import Sequence

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.contract import EngineState
from hub.jobs.choose import choose
from hub.jobs.fit import NO_BACKENDS, NO_MATCH, Seat, lacking, misfit, refusal
from hub.jobs.need import Need

NEED = Need("m", "sd15")


def seat(number: int = 0, free: int = 1, accepts: tuple[str, ...] = (), **state: object) -> Seat:
    values = {"id": number, "type": "t", "title": f"E{number}", "status": "running"} | state
    return Seat(msgspec.convert(values, EngineState), free, accepts)


def chosen(needs: Sequence[Need], seats: Sequence[Seat]) -> tuple[Need, int] | None:
    """Who goes where, None when nobody goes."""
    choice = choose(needs, seats)
    return None if choice.need is None else (choice.need, choice.engine)


class TestFit:
    def test_anything_goes_by_default(self) -> None:
        assert misfit(NEED, seat()) is None

    def test_another_type_is_named(self) -> None:
        reason = misfit(msgspec.structs.replace(NEED, engine_type="x"), seat())
        assert reason == "E0 (backend 0) is of the type t, the request asks for x."

    def test_another_id_is_named(self) -> None:
        assert "backend 3" in str(misfit(msgspec.structs.replace(NEED, engine_id=3), seat()))
        assert misfit(msgspec.structs.replace(NEED, engine_id=0), seat()) is None

    def test_a_missing_feature_is_named(self) -> None:
        need = msgspec.structs.replace(NEED, features=("video",))
        assert "video" in str(misfit(need, seat()))
        assert misfit(need, seat(features=["video"])) is None
        assert misfit(need, seat(status="waiting")) is None

    def test_the_parameter_that_needs_it_is_named(self) -> None:
        need = msgspec.structs.replace(NEED, features=("loras", "vae"), asked_by=("LoRAs", "VAE"))
        assert str(misfit(need, seat(features=["loras"]))).endswith("needs: vae (for VAE).")
        assert lacking(need, [seat(features=["loras"]), seat(1)]) == "VAE"
        assert lacking(need, [seat(features=["loras", "vae"]), seat(1)]) is None
        assert lacking(need, []) is None

    def test_a_second_model_has_to_be_drawable_too(self) -> None:
        need = msgspec.structs.replace(NEED, others=("flux",))
        assert "flux" in str(misfit(need, seat(accepts=("sd15",))))
        assert misfit(need, seat(accepts=("sd15", "flux"))) is None

    def test_the_kind_of_model_counts(self) -> None:
        assert "sd15" in str(misfit(NEED, seat(accepts=("starter",))))
        assert misfit(NEED, seat(accepts=("sd15",))) is None
        assert misfit(Need("m"), seat(accepts=("starter",))) is None

    def test_an_engine_with_fixed_models(self) -> None:
        assert "does not have the model m" in str(misfit(NEED, seat(holds_any=False)))
        assert misfit(NEED, seat(holds_any=False, models=["m"])) is None

    def test_an_engine_without_title_is_called_by_its_type(self) -> None:
        assert str(misfit(msgspec.structs.replace(NEED, engine_type="x"), seat(title=""))).startswith("t (")


class TestRefusal:
    def test_nobody_there(self) -> None:
        assert str(refusal(NEED, [])).startswith(NO_BACKENDS)
        text = refusal(NEED, [seat(enabled=False), seat(1, status="idle")])
        assert text is not None and text.startswith(NO_BACKENDS)
        assert "E0 (backend 0) is switched off." in text and "E1 (backend 1) does not answer." in text

    def test_one_is_enough(self) -> None:
        assert refusal(NEED, [seat(accepts=("x",)), seat(1, free=0)]) is None

    def test_one_that_starts_or_fails_may_still_serve(self) -> None:
        for status in ("waiting", "loading", "silent", "errored"):
            assert refusal(NEED, [seat(status=status)]) is None

    def test_every_reason_is_told_once(self) -> None:
        text = refusal(NEED, [seat(accepts=("x",)), seat(0, accepts=("x",)), seat(1, accepts=("y",))])
        assert text is not None and text.startswith(NO_MATCH) and text.count("\n- ") == 2


class TestChoice:
    def test_nothing_free(self) -> None:
        assert chosen([NEED], [seat(free=0)]) is None

    def test_only_a_running_engine_gets_work(self) -> None:
        assert chosen([NEED], [seat(status="loading")]) is None
        assert chosen([NEED], [seat(status="loading"), seat(1)]) == (NEED, 1)

    def test_the_first_need_that_fits_wins(self) -> None:
        picky = Need("m", "flux")
        assert chosen([picky, NEED], [seat(accepts=("sd15",))]) == (NEED, 0)
        assert chosen([picky], [seat(accepts=("sd15",))]) is None

    def test_an_engine_that_holds_the_model_comes_first(self) -> None:
        assert chosen([NEED], [seat(free=9), seat(1, models=["m"])]) == (NEED, 1)

    def test_then_the_emptiest_then_the_longest_unused(self) -> None:
        assert chosen([NEED], [seat(), seat(1, free=2)]) == (NEED, 1)
        assert chosen([NEED], [seat(last_used=5.0), seat(1, last_used=1.0)]) == (NEED, 1)

    def test_a_broken_engine_is_tried_only_when_no_other_can(self) -> None:
        broken = seat(status="errored")
        assert chosen([NEED], [broken, seat(1, free=0)]) is None
        assert chosen([NEED], [broken, seat(1, accepts=("x",))]) == (NEED, 0)
        assert chosen([NEED], [seat(enabled=False)]) is None


class TestAlone:
    ALONE = msgspec.structs.replace(NEED, alone=True)

    def test_only_an_empty_engine_takes_it(self) -> None:
        busy = msgspec.structs.replace(seat(free=7), held=1)
        assert chosen([self.ALONE], [busy]) is None
        assert chosen([self.ALONE], [busy, seat(1)]) == (self.ALONE, 1)

    def test_the_emptiest_engine_is_kept_for_it(self) -> None:
        busy = [msgspec.structs.replace(seat(n, free=free), held=1) for n, free in ((0, 2), (1, 5))]
        assert chosen([self.ALONE, NEED], busy) == (NEED, 0)
        assert chosen([self.ALONE, NEED], busy[1:]) is None

    def test_who_stands_before_it_is_not_held_up(self) -> None:
        busy = msgspec.structs.replace(seat(free=1), held=1)
        assert chosen([NEED, self.ALONE], [busy]) == (NEED, 0)


class Measured:
    """Scales for tests: what is not set is not known."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        self.loads: dict[tuple[int, str], float] = {}
        self.draws: dict[tuple[int, str], float] = {}
        self.free: dict[int, float] = {}
        self.many: dict[Need, int] = {}
        self.since: dict[Need, float] = {}

    def load(self, engine: int, model: str) -> float:
        return self.loads.get((engine, model), 0.0)

    def draw(self, engine: int, model: str) -> float | None:
        return self.draws.get((engine, model))

    def free_in(self, engine: int) -> float | None:
        return self.free.get(engine)

    def images(self, need: Need) -> int:
        return self.many.get(need, 1)

    def waited(self, need: Need) -> float:
        return self.now - self.since.get(need, self.now)


class TestMeasured:
    def test_the_quicker_engine_comes_first(self) -> None:
        scales = Measured()
        scales.draws = {(0, "m"): 9.0, (1, "m"): 2.0}
        assert choose([NEED], [seat(models=["m"]), seat(1, models=["m"])], scales).engine == 1

    def test_little_difference_is_none(self) -> None:
        scales = Measured()
        scales.draws = {(0, "m"): 2.2, (1, "m"): 2.0}
        assert choose([NEED], [seat(free=2), seat(1)], scales).engine == 0

    def test_loading_counts(self) -> None:
        scales = Measured()
        scales.draws = {(0, "m"): 5.0, (1, "m"): 2.0}
        scales.loads = {(1, "m"): 10.0}
        assert choose([NEED], [seat(models=["m"]), seat(1)], scales).engine == 0

    def test_one_that_was_never_tried_is_tried(self) -> None:
        scales = Measured()
        scales.draws = {(0, "m"): 5.0}
        assert choose([NEED], [seat(free=1), seat(1, free=2)], scales).engine == 1

    def test_images_it_holds_make_it_slower(self) -> None:
        scales = Measured()
        scales.draws = {(0, "m"): 2.0, (1, "m"): 3.0}
        busy = msgspec.structs.replace(seat(free=1), held=3)
        assert choose([NEED], [busy, seat(1)], scales).engine == 1


class TestPatience:
    """Nobody is swapped out while the engine that holds a model is about to be free; nobody starves."""

    def scales(self) -> Measured:
        scales = Measured()
        scales.draws = {(0, "m"): 2.0, (1, "m"): 2.0}
        scales.loads = {(1, "m"): 20.0}
        scales.free = {0: 1.0}
        return scales

    SEATS = (seat(free=0, models=["m"]), seat(1, models=["other"]))

    def test_the_holder_is_about_to_be_free(self) -> None:
        choice = choose([NEED], self.SEATS, self.scales())
        assert choice.need is None and choice.passed == (NEED,) and choice.again == 22.0

    def test_not_when_so_many_wait_that_loading_pays(self) -> None:
        scales = self.scales()
        scales.many = {NEED: 11}
        assert choose([NEED], self.SEATS, scales).engine == 1

    def test_not_for_ever(self) -> None:
        scales = self.scales()
        scales.since, scales.now = {NEED: 0.0}, 22.0
        assert choose([NEED], self.SEATS, scales).engine == 1

    def test_a_slow_engine_is_left_alone_when_a_quick_one_is_soon_free(self) -> None:
        scales = Measured()
        scales.draws, scales.free = {(0, "m"): 1.0, (1, "m"): 60.0}, {0: 0.5}
        seats = [seat(free=0, models=["m"]), seat(1, models=["m"])]
        assert choose([NEED], seats, scales).passed == (NEED,)
        scales.many = {NEED: 100}
        assert choose([NEED], seats, scales).engine == 1

    def test_a_place_in_a_line_is_not_soon_free(self) -> None:
        # Engines of two places each, all alike, one image left: it goes to the first place, not behind two.
        scales = Measured()
        scales.draws, scales.free = {(0, "m"): 1.0, (1, "m"): 1.0}, {0: 0.0}
        full = msgspec.structs.replace(seat(free=0, models=["m"]), held=2)
        begun = msgspec.structs.replace(seat(1, free=1, models=["m"]), held=1)
        assert choose([NEED], [full, begun], scales).engine == 1

    def test_those_who_need_what_is_in_memory_go_first_for_a_while(self) -> None:
        other = Need("other", "sd15")
        scales = Measured()
        scales.loads = {(0, "m"): 10.0}
        seats = [seat(models=["other"])]
        choice = choose([NEED, other], seats, scales)
        assert (choice.need, choice.passed) == (other, (NEED,))
        scales.since, scales.now = {NEED: 0.0}, 10.0
        assert choose([NEED, other], seats, scales).need is NEED

    def test_the_more_wait_the_shorter(self) -> None:
        other = Need("other", "sd15")
        scales = Measured()
        scales.loads, scales.many = {(0, "m"): 10.0}, {NEED: 5}
        scales.since, scales.now = {NEED: 0.0}, 2.0
        assert choose([NEED, other], [seat(models=["other"])], scales).need is NEED

    def test_nobody_is_left_out_for_one_who_is_not_there(self) -> None:
        scales = Measured()
        scales.loads = {(0, "m"): 10.0}
        assert choose([NEED], [seat(models=["other"])], scales).need is NEED


class TestLost:
    def test_an_image_goes_elsewhere_than_where_it_was_lost(self) -> None:
        lost = msgspec.structs.replace(NEED, shuns=0)
        assert choose([lost], [seat(models=["m"]), seat(1)]).engine == 1
        assert choose([lost], [seat(models=["m"]), seat(1, free=0)]).need is None, "it waits for the other"
        assert choose([lost], [seat(models=["m"]), seat(1, accepts=("x",))]).engine == 0


MODELS = ("a", "b", "c")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(MODELS), st.integers(0, 40)), min_size=1, max_size=40),
    st.lists(st.tuples(st.floats(0.5, 8), st.floats(0, 30)), min_size=1, max_size=3),
)
def test_everybody_is_served_and_nobody_waits_for_nothing(
    arrivals: list[tuple[str, int]], engines: list[tuple[float, float]]
) -> None:
    """Plays engines of different speeds that hold one model each, and images that come over time."""
    scales = Measured()
    for number, (draw, load) in enumerate(engines):
        for model in MODELS:
            scales.draws[number, model], scales.loads[number, model] = draw, load
    worst = max(draw + load for draw, load in engines)
    coming = sorted((float(at), model) for model, at in arrivals)
    line: list[tuple[float, Need]] = []
    holds = ["" for _ in engines]
    busy = [0.0 for _ in engines]
    served = 0
    while served < len(arrivals):
        while coming and coming[0][0] <= scales.now:
            at, model = coming.pop(0)
            line.append((at, Need(model)))
        needs = list(dict.fromkeys(need for _, need in line))
        scales.many = {need: sum(one == need for _, one in line) for need in needs}
        scales.free = {number: max(0.0, until - scales.now) for number, until in enumerate(busy)}
        seats = [
            seat(number, free=int(until <= scales.now), models=[holds[number]] if holds[number] else [])
            for number, until in enumerate(busy)
        ]
        choice = choose(needs, seats, scales)
        for need in choice.passed:
            scales.since.setdefault(need, scales.now)
        if choice.need is not None:
            at, need = next(entry for entry in line if entry[1] == choice.need)
            line.remove((at, need))
            scales.since.pop(need, None)
            engine, model = choice.engine, need.model
            cost = scales.draws[engine, model] + (
                scales.loads[engine, model] if holds[engine] != model else 0.0
            )
            busy[engine], holds[engine] = scales.now + cost, model
            served += 1
            assert scales.now - at <= (len(arrivals) + 1) * 2 * worst, "nobody starves"
            continue
        later = [until for until in busy if until > scales.now] + [at for at, _ in coming[:1]]
        if choice.again is not None:
            later.append(scales.now + choice.again)
        assert later, "somebody waits, and nothing would ever wake him"
        scales.now = max(min(later), scales.now + 1e-9)
