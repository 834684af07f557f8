"""Seamless works in the step loop beside others: their edges meet, and nobody else's picture changes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture

from backends.contract import Failed
from backends.diffusers_local import steps
from backends.diffusers_local.loop.batching import BatchSize
from tests.backends.diffusers_local.conftest import Studio, a_work


def pixels(picture: Picture.Image) -> Any:
    return np.asarray(picture).astype(int)


def seam(picture: Picture.Image, axis: int) -> tuple[float, float]:
    """How far apart opposite edges are (down: axis 0), and neighbours inside the picture."""
    levels = pixels(picture)
    inside = np.abs(np.diff(levels, axis=axis)).mean()
    first, last = np.take(levels, 0, axis), np.take(levels, -1, axis)
    return float(np.abs(first - last).mean()), float(inside)


def test_seamless_and_ordinary_works_do_not_share_forwards(
    folder: Path, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BatchSize, "wanted", lambda self, available, *rest: available)
    seen: list[set[str]] = []
    predict = steps.predict
    monkeypatch.setattr(
        steps, "predict", lambda rows: seen.append({row.tiling for row in rows}) or predict(rows)
    )
    words = ("false", "true", "X-Only", "false", "true")
    together = [a_work(folder, n, seed=3, extra={"seamlesstileable": word}) for n, word in enumerate(words)]
    alone = [
        a_work(folder, n + 10, seed=3, extra={"seamlesstileable": word}, deterministic=True)
        for n, word in enumerate(words)
    ]
    shared = studio.draw(*together)
    assert all(len(tilings) == 1 for tilings in seen)
    assert {"", "x", "xy"} == set().union(*seen)
    for picture, solo in zip(shared, studio.draw(*alone), strict=True):
        assert abs(pixels(picture) - pixels(solo)).max() <= 1
    assert abs(pixels(shared[0]) - pixels(shared[1])).max() > 8


def test_the_edges_meet(folder: Path, studio: Studio) -> None:
    plain, whole, across = studio.draw(
        *(
            a_work(folder, n, seed=3, width=96, steps=6, extra={"seamlesstileable": word})
            for n, word in enumerate(("false", "true", "X-Only"))
        )
    )
    for axis in (0, 1):
        apart, inside = seam(whole, axis)
        assert apart < 1.5 * inside
    assert seam(across, 1)[0] < 1.5 * seam(across, 1)[1]
    assert seam(whole, 1)[0] / seam(whole, 1)[1] < seam(plain, 1)[0] / seam(plain, 1)[1] / 1.2


def test_another_word_fails_the_work_only(folder: Path, studio: Studio) -> None:
    bad = a_work(folder, 1, extra={"seamlesstileable": "diagonal"})
    good = a_work(folder, 2)
    studio.submit(bad, good)
    studio.finish(bad, good)
    assert "seamlesstileable is 'diagonal'" in studio.of(Failed, bad.id)[0].reason
    assert studio.picture(good)
