"""From the texts of axes to their values."""

import re
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import BadInput
from hub.grids.axes import MOST_VALUES, read_axes, read_values
from hub.params import Param, Registry

FIND = Registry().find


def param(key: str) -> Param:
    found = FIND(key)
    assert found is not None
    return found


def texts(key: str, values: str) -> list[str]:
    return [value.text for value in read_values(param(key), values)]


class TestRanges:
    @pytest.mark.parametrize(
        ("key", "values", "meant"),
        [
            ("steps", "1,2,..,5", "1 2 3 4 5"),
            ("steps", "10, 20, ..., 50, 75", "10 20 30 40 50 75"),
            ("steps", "9, 7, .., 1", "9 7 5 3 1"),
            ("steps", "1 || 2 || .. || 4", "1 2 3 4"),
            ("cfgscale", "1, 1.5, .., 3", "1 1.5 2 2.5 3"),
            ("cfgscale", "0.1, 0.2, …, 0.5", "0.1 0.2 0.3 0.4 0.5"),
            ("seed", "-2, -1, .., 2", "-2 -1 0 1 2"),
            ("steps", "1, 3, .., 6", "1 3 5 6"),
            ("seed", "9007199254740992, 9007199254740993, .., 9007199254740995", None),
        ],
    )
    def test_dots_go_on_in_the_same_steps(self, key: str, values: str, meant: str | None) -> None:
        if meant is None:
            meant = " ".join(str(9007199254740992 + more) for more in range(4))
        assert texts(key, values) == meant.split()

    @pytest.mark.parametrize(
        "values",
        [
            "1,..,5",
            "..,5",
            "1,2,..",
            "1,1,..,5",
            "5,4,..,9",
            "1,x,..,5",
            "1,2,..,x",
            "0,1,..,99999999999",
            "1e9,2,..,3",
        ],
    )
    def test_what_leads_nowhere_is_refused(self, values: str) -> None:
        with pytest.raises(BadInput) as refused:
            texts("steps", values)
        assert refused.value.extra["axis"] == "Steps"

    def test_dots_are_text_elsewhere(self) -> None:
        assert texts("prompt", "a, b, .., c") == ["a", "b", "..", "c"]

    def test_skipped_ones_of_a_range(self) -> None:
        values = read_values(param("steps"), "1, 2, SKIP: .., 5")
        assert [(value.text, value.skip) for value in values] == [
            ("1", False),
            ("2", False),
            ("3", True),
            ("4", True),
            ("5", False),
        ]

    @settings(deadline=None)
    @given(
        first=st.integers(-10_000, 10_000), step=st.integers(-50, 50).filter(bool), many=st.integers(2, 60)
    )
    def test_a_range_holds_every_step_once(self, first: int, step: int, many: int) -> None:
        last = first + step * many
        assert [int(one) for one in texts("seed", f"{first},{first + step},..,{last}")] == list(
            range(first, last + (1 if step > 0 else -1), step)
        )

    @settings(deadline=None)
    @given(
        first=st.decimals(-50, 50, places=3), step=st.decimals("0.001", 3, places=3), many=st.integers(2, 60)
    )
    def test_fractions_do_not_drift(self, first: Decimal, step: Decimal, many: int) -> None:
        found = texts("cfgscale", f"{first:f},{first + step:f},..,{first + step * many:f}")
        assert [Decimal(one) for one in found] == [first + step * count for count in range(many + 1)]


class TestValues:
    def test_two_bars_part_what_holds_commas(self) -> None:
        assert texts("prompt", "a, b || c || ") == ["a, b", "c"]

    def test_what_replaces_without_saying_what_replaces_the_first(self) -> None:
        values = read_values(param("gridgenpromptreplace"), "cat, dog, SKIP: bird")
        assert [value.text for value in values] == ["cat=cat", "cat=dog", "cat=bird"]
        assert values[2].skip
        assert texts("gridgenpromptreplace", "cat=dog, house=tent") == ["cat=dog", "house=tent"]

    @pytest.mark.parametrize("values", ["", " , ", "||", ",".join(["1"] * (MOST_VALUES + 1))])
    def test_none_and_too_many_are_refused(self, values: str) -> None:
        with pytest.raises(BadInput):
            texts("prompt", values)

    def test_a_models_key_is_its_last_name(self) -> None:
        (value,) = read_values(param("model"), "big folder/My-Model v1.5 final.safetensors")
        assert value.key == "mymodelv15final"

    @settings(deadline=None)
    @given(st.text(max_size=200))
    def test_any_text_is_read_or_refused_and_keys_are_names_of_files(self, text: str) -> None:
        for key in ("prompt", "steps", "cfgscale", "gridgenpromptreplace"):
            try:
                values = read_values(param(key), text)
            except BadInput as refused:
                assert refused.extra["field"] == key
                continue
            keys = [value.key for value in values]
            assert len(set(keys)) == len(keys)
            assert all(re.fullmatch(r"[a-z0-9_]{1,40}", one) for one in keys)


class TestAxes:
    @pytest.mark.parametrize(
        "sent",
        [None, "steps", {}, [], ["steps"], [{"mode": "steps"}], [{"mode": "", "vals": "1"}], [{"vals": "1"}]],
    )
    def test_what_are_no_axes_is_refused(self, sent: object) -> None:
        with pytest.raises(BadInput) as refused:
            read_axes(sent, FIND)
        assert refused.value.extra["field"] == "gridAxes"

    @pytest.mark.parametrize("mode", ["images", "Batch Size", "nothing_such"])
    def test_what_cannot_be_varied(self, mode: str) -> None:
        with pytest.raises(BadInput):
            read_axes([{"mode": mode, "vals": "1"}], FIND)

    def test_an_axis_may_come_twice_under_a_numbered_id(self) -> None:
        sent = [{"mode": f"gridgenpromptreplace{end}", "vals": "a=b"} for end in ("", "_1", "_2")]
        assert [axis.param.id for axis in read_axes(sent, FIND)] == ["gridgenpromptreplace"] * 3
