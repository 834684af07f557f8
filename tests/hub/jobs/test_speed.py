"""Speeds of engines with models, loadings, and how long what waits takes where engines differ."""

import msgspec

from hub.jobs.speed import MOST_KEPT, Forecast, Measurements, Speeds


def drawn(
    speeds: Speeds, engine: int, model: str, seconds: float, work: float = 100.0, **more: float
) -> None:
    for start in (0.0, 100.0, 200.0):
        speeds.begin(engine, model, start)
        speeds.end(engine, model, start + seconds, work, **more)


class TestSpeeds:
    def test_nothing_is_known_at_first(self) -> None:
        speeds = Speeds()
        assert speeds.rate(0, "m") is None and speeds.draw(0, "m") is None and speeds.load(0, "m") == 0
        assert speeds.free_in(0, 1.0) is None

    def test_each_engine_and_model_has_its_own(self) -> None:
        speeds = Speeds()
        drawn(speeds, 0, "m", 2.0)
        drawn(speeds, 0, "n", 8.0)
        drawn(speeds, 1, "m", 4.0)
        assert [round(speeds.draw(*key) or 0, 6) for key in ((0, "m"), (0, "n"), (1, "m"))] == [2, 8, 4]
        assert speeds.draw(1, "n") is None
        assert speeds.rate(1, "n") == speeds.rate(1, "m"), "with a model never tried, as with others"

    def test_loading_is_counted_apart(self) -> None:
        speeds = Speeds()
        drawn(speeds, 0, "m", 12.0, loading=10.0)
        speeds.loaded(0, "m", 10.0)
        assert round(speeds.draw(0, "m") or 0, 6) == 2.0
        assert speeds.load(0, "m") == speeds.load(0, "another") == 10.0

    def test_loadings_fade(self) -> None:
        speeds = Speeds()
        for seconds in (10.0, *([2.0] * 20)):
            speeds.loaded(0, "m", seconds)
        assert 2.0 <= speeds.load(0, "m") < 2.1
        speeds.loaded(0, "m", 0.0)
        assert speeds.load(0, "m") > 0, "none at all says nothing"

    def test_when_a_place_gets_free(self) -> None:
        speeds = Speeds()
        drawn(speeds, 0, "m", 4.0)
        speeds.begin(0, "m", 300.0)
        assert round(speeds.free_in(0, 301.0) or 0, 6) == 3.0
        assert speeds.free_in(0, 350.0) == 0.0

    def test_engines_that_are_gone_are_forgotten(self) -> None:
        speeds = Speeds()
        drawn(speeds, 0, "m", 4.0)
        speeds.loaded(0, "m", 1.0)
        speeds.keep_only([1])
        assert speeds.draw(0, "m") is None and speeds.load(0, "m") == 0
        speeds.end(0, "m", 400.0, 1.0)


TAKES = {"both": ("m", (0, 1)), "quick": ("m", (0,)), "slow": ("m", (1,))}


class TestForecast:
    def speeds(self) -> Speeds:
        speeds = Speeds()
        drawn(speeds, 0, "m", 1.0)  # 100 pixel steps a second
        drawn(speeds, 1, "m", 9.0)
        return speeds

    def forecast(self, **waiting: int) -> Forecast[str]:
        return Forecast(self.speeds(), waiting, TAKES.__getitem__)

    def test_one_that_only_the_slow_one_takes_takes_longer(self) -> None:
        forecast = self.forecast(quick=10, slow=10)
        quick, slow = (forecast.seconds(need, 0, [(need, 100.0)]) or 0 for need in ("quick", "slow"))
        assert round(quick, 3) == 1.0 and round(slow, 3) == 9.0

    def test_images_for_another_engine_do_not_hinder(self) -> None:
        alone = self.forecast(quick=10)
        assert round(alone.seconds("quick", 10, []) or 0, 3) == 10.0
        assert alone.seconds("slow", 10, []) == 0.0
        half = self.forecast(quick=5, slow=5)
        assert round(half.seconds("quick", 10, []) or 0, 3) == 5.0

    def test_engines_together_are_as_fast_as_both(self) -> None:
        together = self.forecast(both=10).seconds("both", 10, [])
        assert round(together or 0, 3) == round(1000 / (100 + 100 / 9), 3)

    def test_nothing_is_said_before_it_is_known(self) -> None:
        assert Forecast(Speeds(), {"both": 1}, TAKES.__getitem__).seconds("both", 1, []) is None

    def test_where_nobody_may_go_nothing_is_said(self) -> None:
        nobody = Forecast(self.speeds(), {"x": 1}, lambda need: ("m", ()))
        assert nobody.seconds("x", 1, []) is None


class TestOverRestarts:
    def test_what_was_measured_is_known_again(self) -> None:
        before, after = Speeds(), Speeds()
        drawn(before, 0, "m", 12.0, loading=10.0)
        drawn(before, 1, "n", 4.0)
        before.loaded(0, "m", 10.0)
        kept = before.measurements()
        after.recall(msgspec.json.decode(msgspec.json.encode(kept), type=Measurements))
        for engine, model in ((0, "m"), (1, "n"), (1, "m")):
            assert after.rate(engine, model) == before.rate(engine, model)
            assert after.draw(engine, model) == before.draw(engine, model)
            assert after.load(engine, model) == before.load(engine, model)
        assert after.seconds(1) == before.seconds(1)
        assert after.whole.seconds(3, 0.0) == before.whole.seconds(3, 0.0)
        assert after.measurements() == kept

    def test_new_measurements_count_from_there_on(self) -> None:
        speeds = Speeds()
        speeds.recall(Measurements(engines={0: (10.0, 100.0, 10.0)}))
        assert speeds.seconds(0) == 1.0
        drawn(speeds, 0, "m", 5.0, work=10.0)
        assert 1.0 < (speeds.seconds(0) or 0) < 5.0

    def test_no_more_is_kept_than_the_models_used_last(self) -> None:
        speeds = Speeds()
        for number in range(MOST_KEPT + 20):
            drawn(speeds, 0, f"m{number}", 1.0)
        drawn(speeds, 0, "m3", 1.0)
        kept = [one.model for one in speeds.measurements().models]
        assert len(kept) == MOST_KEPT and kept[-1] == "m3" and "m4" not in kept

    def test_nonsense_is_not_taken_over(self) -> None:
        speeds = Speeds()
        speeds.recall(Measurements(whole=(-1.0, 5.0, 1.0), engines={0: (0.0, 0.0, 0.0)}, loads={0: -3.0}))
        assert speeds.whole.rate is None and speeds.seconds(0) is None and speeds.load(0, "m") == 0
