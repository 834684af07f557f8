"""Rows over time: means, gaps, columns that come and go, and bounds."""

import math

from hub.resources.rings import MOST_COLUMNS, Ring, Rings


def test_a_row_is_the_mean_of_its_samples_and_told_when_it_is_over() -> None:
    ring = Ring(10.0, 4)
    for second in range(10):
        ring.add(100.0 + second, {"cpu": float(second)})
    assert ring.since(0).times == []
    ring.add(110.0, {"cpu": 7.0})
    told = ring.since(0)
    assert (told.step, told.times, told.columns) == (10.0, [100.0], {"cpu": [4.5]})


def test_time_that_was_slept_through_leaves_no_rows() -> None:
    ring = Ring(1.0, 10)
    for when in (1.0, 2.0, 900.0, 901.0):
        ring.add(when, {"cpu": when})
    assert ring.since(0).times == [1.0, 2.0, 900.0]
    assert ring.since(2.0).columns == {"cpu": [900.0]}


def test_what_was_not_measured_is_none() -> None:
    ring = Ring(1.0, 10)
    ring.add(1.0, {"cpu": 1.0, "odd": math.nan})
    ring.add(2.0, {"late": 5.0})
    ring.add(3.0, {})
    assert ring.since(0).columns == {"cpu": [1.0, None], "late": [None, 5.0]}


def test_only_so_many_rows_are_kept_and_a_column_goes_with_its_last_value() -> None:
    ring = Ring(1.0, 3)
    ring.add(0.0, {"gpu0_use": 1.0, "cpu": 0.0})
    for second in range(1, 5):
        ring.add(float(second), {"cpu": float(second)})
    told = ring.since(-1)
    assert told.times == [1.0, 2.0, 3.0] and told.columns == {"cpu": [1.0, 2.0, 3.0]}


def test_columns_are_bounded() -> None:
    ring = Ring(1.0, 3)
    for second in range(4):
        ring.add(float(second), {f"c{number}": 1.0 for number in range(MOST_COLUMNS + 50)})
    assert len(ring.since(0).columns) == MOST_COLUMNS


def test_the_grain_is_the_finest_that_is_coarse_enough() -> None:
    rings = Rings(((1.0, 5), (10.0, 5)))
    for second in range(25):
        rings.add(float(second), {"cpu": float(second)})
    assert rings.since(0.0, 0).step == rings.since(1.0, 0).step == 1.0
    assert rings.since(1.5, -1).times == [0.0, 10.0] and rings.since(99.0, -1).step == 10.0
