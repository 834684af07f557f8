"""Whatever goes wrong in a model's own forward, only the guilty work fails, and memory that runs out costs
speed before it costs pictures.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from backends.contract import Done, Failed, Image, Log, Progress, Work
from backends.diffusers_local import steps
from backends.diffusers_local.denoisers.unet import UNetDenoiser
from backends.diffusers_local.loop import between
from backends.diffusers_local.loop.batching import BatchSize
from backends.diffusers_local.prepare import prepare
from backends.diffusers_local.row import Row
from tests.backends.diffusers_local.conftest import Studio, a_work

Forward = Callable[..., torch.Tensor]
Guilt = Callable[[torch.Tensor, Sequence[Row]], None]


@pytest.fixture
def together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that can share a forward does."""
    monkeypatch.setattr(BatchSize, "wanted", lambda self, available, free=None: min(available, self.largest))


@pytest.fixture
def spoil(monkeypatch: pytest.MonkeyPatch) -> Callable[[Guilt], list[int]]:
    """Does something to a real denoiser's answers; gives the numbers of requests in every forward."""
    counts: list[int] = []

    def spoil(guilt: Guilt) -> list[int]:
        forward: Forward = UNetDenoiser.forward

        def spoiled(self: UNetDenoiser, *given: Any) -> torch.Tensor:
            rows = given[-1]
            counts.append(len(rows))
            said = forward(self, *given)
            guilt(said, rows)
            return said

        monkeypatch.setattr(UNetDenoiser, "forward", spoiled)
        return counts

    return spoil


def works(folder: Path, count: int = 3, **given: Any) -> list[Work]:
    return [a_work(folder, number, steps=6, **given) for number in range(count)]


def line_of(rows: Sequence[Row], work: Work) -> slice:
    begin = 0
    for row in rows:
        if row.work.id == work.id:
            return slice(begin, begin + len(row.states))
        begin += len(row.states)
    return slice(0, 0)


def pixels(studio: Studio, work: Work) -> Any:
    return np.asarray(studio.picture(work).convert("RGB")).astype(int)


@pytest.mark.usefixtures("together")
class TestRows:
    def test_no_numbers_fail_at_their_step_and_alone(
        self, folder: Path, studio: Studio, spoil: Callable[[Guilt], list[int]]
    ) -> None:
        good, bad, other = works(folder)
        alone = works(folder)[0]
        (expected,) = studio.draw(alone)
        studio.reports.clear()

        def guilt(said: torch.Tensor, rows: Sequence[Row]) -> None:
            if rows[0].index == 2:
                said[line_of(rows, bad)] = float("nan")

        counts = spoil(guilt)
        studio.submit(good, bad, other)
        studio.finish(good, bad, other)
        assert "no numbers" in studio.of(Failed, bad.id)[0].reason
        assert len(studio.of(Progress, bad.id)) == 2
        assert counts == [3, 3, 3, 2, 2, 2]
        assert abs(pixels(studio, good) - np.asarray(expected.convert("RGB")).astype(int)).max() <= 1
        studio.picture(other)

    def test_a_failing_forward_is_retried_one_by_one_and_once(
        self, folder: Path, studio: Studio, spoil: Callable[[Guilt], list[int]]
    ) -> None:
        good, bad, other = works(folder)

        def guilt(said: torch.Tensor, rows: Sequence[Row]) -> None:
            if any(row.work.id == bad.id and row.index == 3 for row in rows):
                raise ValueError("a value that cannot be")

        counts = spoil(guilt)
        studio.submit(good, bad, other)
        studio.finish(good, bad, other)
        assert "a value that cannot be" in studio.of(Failed, bad.id)[0].reason
        assert counts == [3, 3, 3, 3, 1, 1, 1, 2, 2]
        assert len(studio.of(Log)) == 1
        for work in (good, other):
            assert [report.step for report in studio.of(Progress, work.id)] == [1, 2, 3, 4, 5, 6]
            studio.picture(work)

    def test_a_sampler_that_stumbles_over_a_value_fails_its_own_work(
        self, folder: Path, studio: Studio, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        good, bad, other = works(folder)
        advance = steps.advance

        def stumbling(row: Row, prediction: steps.Prediction) -> None:
            if row.work.id == bad.id and row.index == 1:
                row.times = row.times.double() * 1e9
            advance(row, prediction)
            if row.work.id == bad.id and row.index == 2:
                raise IndexError("index out of bounds")

        monkeypatch.setattr(steps, "advance", stumbling)
        studio.submit(good, bad, other)
        studio.finish(good, bad, other)
        assert studio.of(Failed, bad.id)
        assert len(studio.of(Done)) == 2


@pytest.mark.usefixtures("together")
class TestMemory:
    def test_the_batch_is_halved_until_it_fits(
        self, folder: Path, studio: Studio, spoil: Callable[[Guilt], list[int]]
    ) -> None:
        def guilt(said: torch.Tensor, rows: Sequence[Row]) -> None:
            if len(rows) > 1:
                raise torch.OutOfMemoryError("too much")

        counts = spoil(guilt)
        many = works(folder, 5)
        studio.submit(*many)
        studio.finish(*many)
        assert len(studio.of(Done)) == 5
        assert counts[:3] == [5, 2, 1]
        assert set(counts[2:]) == {1}

    def test_a_single_one_is_retried_with_everything_else_let_go(
        self, folder: Path, zero_folder: Path, studio: Studio, spoil: Callable[[Guilt], list[int]]
    ) -> None:
        studio.draw(a_work(zero_folder, 9))
        held: list[tuple[str, ...]] = []

        def guilt(said: torch.Tensor, rows: Sequence[Row]) -> None:
            held.append(studio.loop._shelf.names)
            if len(held) == 2:
                raise torch.OutOfMemoryError("too much")

        spoil(guilt)
        studio.draw(a_work(folder, 1, steps=3))
        assert held == [("zero", "small"), ("zero", "small"), ("small",), ("small",)]

    def test_one_that_never_fits_is_told_so_and_the_engine_goes_on(
        self, folder: Path, studio: Studio, spoil: Callable[[Guilt], list[int]]
    ) -> None:
        large, small = a_work(folder, 1, width=128, height=128), a_work(folder, 2)

        def guilt(said: torch.Tensor, rows: Sequence[Row]) -> None:
            if any(row.work.id == large.id for row in rows):
                raise torch.OutOfMemoryError("too much")

        spoil(guilt)
        studio.submit(large, small)
        studio.finish(large, small)
        assert (
            studio.of(Failed)[0].reason == "There is not enough memory to draw 128x128 pixels; ask for less."
        )
        studio.picture(small)

    def test_preparing_is_tried_once_more(
        self, folder: Path, studio: Studio, monkeypatch: pytest.MonkeyPatch
    ) -> None:

        calls: list[int] = []

        def scarce(*given: Any) -> Row:
            calls.append(1)
            if len(calls) == 1:
                raise torch.OutOfMemoryError("too much")
            return prepare(*given)

        monkeypatch.setattr(between, "prepare", scarce)
        studio.draw(a_work(folder))
        assert len(calls) == 2


class TestDecode:
    def spoil(
        self, studio: Studio, path: Path, guilt: Callable[[torch.Tensor], None]
    ) -> list[tuple[int, ...]]:
        """Does something before a real autoencoder decodes; gives the shapes of what it was asked for."""
        studio.draw(a_work(path, 99, steps=1))
        studio.reports.clear()
        model: Any
        (model,) = [part for (kind, _), part in studio.loop._shelf._parts.items() if kind == "model"]
        decode, shapes = model.vae.decode, []

        def spoiled(latents: torch.Tensor, **given: Any) -> Any:
            shapes.append(tuple(latents.shape))
            guilt(latents)
            return decode(latents, **given)

        model.vae.decode = spoiled
        return shapes

    def test_what_fails_together_is_tried_apart(self, folder: Path, studio: Studio, together: None) -> None:
        def guilt(latents: torch.Tensor) -> None:
            if len(latents) > 1:
                raise RuntimeError("not two")

        shapes = self.spoil(studio, folder, guilt)
        pair = works(folder, 2)
        studio.submit(*pair)
        studio.finish(*pair)
        assert [shape[0] for shape in shapes] == [2, 1, 1]
        assert len(studio.of(Image)) == 2

    def test_an_error_is_told_once(self, folder: Path, studio: Studio) -> None:
        def guilt(latents: torch.Tensor) -> None:
            raise RuntimeError("broken")

        shapes = self.spoil(studio, folder, guilt)
        work = a_work(folder)
        studio.submit(work)
        studio.finish(work)
        assert len(shapes) == 1
        assert "broken" in studio.of(Failed, work.id)[0].reason

    def test_memory_that_runs_out_makes_tiles(self, folder: Path, studio: Studio) -> None:
        def guilt(latents: torch.Tensor) -> None:
            if latents.shape[-1] > 8:
                raise torch.OutOfMemoryError("too much")

        shapes = self.spoil(studio, folder, guilt)
        (picture,) = studio.draw(a_work(folder, width=128, height=128))
        assert picture.size == (128, 128)
        assert shapes[0] == (1, 4, 16, 16)
        assert {shape[-2:] for shape in shapes[1:]} == {(8, 8)}

    def test_tiles_that_do_not_fit_either_are_a_failure(self, folder: Path, studio: Studio) -> None:
        def guilt(latents: torch.Tensor) -> None:
            raise torch.OutOfMemoryError("too much")

        shapes = self.spoil(studio, folder, guilt)
        work = a_work(folder)
        studio.submit(work)
        studio.finish(work)
        assert len(shapes) == 2
        assert "not enough memory" in studio.of(Failed, work.id)[0].reason
