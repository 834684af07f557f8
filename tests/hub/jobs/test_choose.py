"""The choice of an engine: fit, preference, refusals with their reasons."""

import msgspec

from backends.contract import EngineState
from hub.jobs.choose import NO_BACKENDS, NO_MATCH, Need, Seat, choose, lacking, misfit, refusal

NEED = Need("m", "sd15")


def seat(number: int = 0, free: int = 1, accepts: tuple[str, ...] = (), **state: object) -> Seat:
    values = {"id": number, "type": "t", "title": f"E{number}", "status": "running"} | state
    return Seat(msgspec.convert(values, EngineState), free, accepts)


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
        assert refusal(NEED, []) == NO_BACKENDS
        assert refusal(NEED, [seat(enabled=False), seat(1, status="idle")]) == NO_BACKENDS

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
        assert choose([NEED], [seat(free=0)]) is None

    def test_only_a_running_engine_gets_work(self) -> None:
        assert choose([NEED], [seat(status="loading")]) is None
        assert choose([NEED], [seat(status="loading"), seat(1)]) == (NEED, 1)

    def test_the_first_need_that_fits_wins(self) -> None:
        picky = Need("m", "flux")
        assert choose([picky, NEED], [seat(accepts=("sd15",))]) == (NEED, 0)
        assert choose([picky], [seat(accepts=("sd15",))]) is None

    def test_an_engine_that_holds_the_model_comes_first(self) -> None:
        assert choose([NEED], [seat(free=9), seat(1, models=["m"])]) == (NEED, 1)

    def test_then_the_emptiest_then_the_longest_unused(self) -> None:
        assert choose([NEED], [seat(), seat(1, free=2)]) == (NEED, 1)
        assert choose([NEED], [seat(last_used=5.0), seat(1, last_used=1.0)]) == (NEED, 1)

    def test_a_broken_engine_is_tried_only_when_no_other_can(self) -> None:
        broken = seat(status="errored")
        assert choose([NEED], [broken, seat(1, free=0)]) is None
        assert choose([NEED], [broken, seat(1, accepts=("x",))]) == (NEED, 0)
        assert choose([NEED], [seat(enabled=False)]) is None


class TestAlone:
    ALONE = msgspec.structs.replace(NEED, alone=True)

    def test_only_an_empty_engine_takes_it(self) -> None:
        busy = msgspec.structs.replace(seat(free=7), empty=False)
        assert choose([self.ALONE], [busy]) is None
        assert choose([self.ALONE], [busy, seat(1)]) == (self.ALONE, 1)

    def test_the_emptiest_engine_is_kept_for_it(self) -> None:
        busy = [msgspec.structs.replace(seat(n, free=free), empty=False) for n, free in ((0, 2), (1, 5))]
        assert choose([self.ALONE, NEED], busy) == (NEED, 0)
        assert choose([self.ALONE, NEED], busy[1:]) is None

    def test_who_stands_before_it_is_not_held_up(self) -> None:
        busy = msgspec.structs.replace(seat(free=1), empty=False)
        assert choose([NEED, self.ALONE], [busy]) == (NEED, 0)
