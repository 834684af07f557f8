"""Every combination, in the order of least work."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import BadInput
from hub.grids.axes import Axis, read_axes
from hub.grids.cells import cells, in_words, settings_of
from hub.params import Registry

FIND = Registry().find


def axes(*pairs: tuple[str, str]) -> tuple[Axis, ...]:
    return read_axes([{"mode": mode, "vals": values} for mode, values in pairs], FIND)


def paths(*pairs: tuple[str, str], by_weight: bool = False, all_values: bool = True) -> list[str]:
    return [
        cell.path for cell in cells(axes(*pairs), by_weight=by_weight, all_values=all_values, most=10_000)
    ]


def test_the_first_axis_changes_fastest() -> None:
    assert paths(("steps", "1,2"), ("seed", "3,4")) == ["1/3", "2/3", "1/4", "2/4"]


def test_by_weight_models_change_last_and_prompts_first() -> None:
    pairs = (("model", "a,b"), ("steps", "1,2"), ("prompt", "x,y"))
    found = paths(*pairs, by_weight=True)
    assert found[:4] == ["a/1/x", "a/1/y", "a/2/x", "a/2/y"]
    assert sum(one[0] != two[0] for one, two in pairwise(found)) == 1


def test_skipped_values_make_no_cells_on_wish() -> None:
    assert paths(("steps", "1,SKIP:2"), ("seed", "3"), all_values=False) == ["1/3"]
    made = cells(axes(("steps", "1,SKIP:2")), by_weight=False, all_values=True, most=9)
    assert [cell.skip for cell in made] == [False, True]


def test_too_many_are_refused_before_they_are_made() -> None:
    pairs = [("seed", "1,2,..,900")] * 8
    with pytest.raises(BadInput) as refused:
        cells(axes(*pairs), by_weight=True, all_values=True, most=10_000)
    assert refused.value.extra["limit"] == 10_000


def test_what_a_cell_sets_and_how_it_is_told() -> None:
    grid = axes(("steps", "4"), ("prompt", "a cat"))
    (cell,) = cells(grid, by_weight=True, all_values=True, most=9)
    assert settings_of(grid, cell) == [("steps", "4"), ("prompt", "a cat")]
    assert in_words(grid, cell) == "Steps=4, Prompt=a cat"


MODES = ("steps", "seed", "prompt", "model", "vae", "gridgenpresets", "cfgscale")


@settings(deadline=None)
@given(
    sizes=st.lists(st.tuples(st.sampled_from(MODES), st.integers(1, 4)), min_size=1, max_size=5),
    by_weight=st.booleans(),
)
def test_every_combination_comes_once(sizes: list[tuple[str, int]], by_weight: bool) -> None:
    pairs = [(mode, ",".join(map(str, range(1, many + 1)))) for mode, many in sizes]
    found = paths(*pairs, by_weight=by_weight)
    total = 1
    for _, many in sizes:
        total *= many
    assert len(found) == len(set(found)) == total
    assert set(found) == set(paths(*pairs, by_weight=not by_weight))
