"""Parts of a side: they cover it, fade into each other and are all of one length."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.diffusers_local.pictures.tiles import spans


@given(
    length=st.integers(1, 300), size=st.integers(1, 100), overlap=st.integers(0, 60), scale=st.integers(1, 4)
)
def test_every_pixel_is_made_of_weights_that_add_up_to_one(
    length: int, size: int, overlap: int, scale: int
) -> None:
    total = np.zeros(length * scale)
    parts = spans(length, size, overlap, scale)
    for part in parts:
        total[part.start * scale : part.stop * scale] += part.weights
    np.testing.assert_allclose(total, 1, atol=1e-5)
    assert {part.stop - part.start for part in parts} == {min(size, length)}


def test_a_short_side_is_one_part() -> None:
    (only,) = spans(50, 64, 16, 2)
    assert (only.start, only.stop, len(only.weights)) == (0, 50, 100)
    assert bool((only.weights == 1).all())


@pytest.mark.parametrize(("length", "size", "overlap"), [(100, 64, 16), (1000, 128, 32), (129, 128, 32)])
def test_neighbours_share_at_least_the_overlap(length: int, size: int, overlap: int) -> None:
    parts = spans(length, size, overlap)
    shared = [one.stop - other.start for one, other in itertools.pairwise(parts)]
    assert min(shared) >= overlap


def test_the_very_edge_of_a_part_counts_for_nothing() -> None:
    first, second = spans(112, 64, 16)
    assert second.start == 48
    assert first.weights[-4:].max() < 1e-5
    assert second.weights[:4].max() < 1e-5
    assert first.weights[55] + second.weights[7] == pytest.approx(1)
