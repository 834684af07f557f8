"""Works of two passes among others: shared forwards, progress over both, cancel in any, neighbours go on."""

import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from PIL import Image as Picture  # noqa: E402

from backends.contract import (  # noqa: E402
    Cancel,
    Cancelled,
    Done,
    Failed,
    Image,
    Loaded,
    ModelRef,
    Progress,
    SecondPass,
    Started,
)
from backends.diffusers_local import steps  # noqa: E402
from backends.diffusers_local.features import upscaling  # noqa: E402
from backends.diffusers_local.pictures import pictures  # noqa: E402
from tests.backends.diffusers_local import stock_models  # noqa: E402
from tests.backends.diffusers_local.conftest import Studio, a_work  # noqa: E402
from tests.backends.diffusers_local.upscalers import write_upscaler  # noqa: E402


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[list[str]]]:
    """Which works took each forward together, and how large their latents were."""
    seen: list[list[str]] = []
    predict = steps.predict

    def noted(rows: Any) -> Any:
        seen.append([f"{row.work.id} {row.latents.shape[-1]}" for row in rows])
        return predict(rows)

    monkeypatch.setattr(steps, "predict", noted)
    yield seen


def pixels(picture: Picture.Image) -> Any:
    return np.asarray(picture.convert("RGB")).astype(int)


def test_progress_counts_both_passes_and_the_size_is_the_second_ones(folder: Path, studio: Studio) -> None:
    work = a_work(folder, steps=6, second=SecondPass(0.5, upscale=1.5))
    (picture,) = studio.draw(work)
    assert picture.size == (96, 96)
    assert [r.steps for r in studio.of(Started)] == [9]
    assert [(r.step, r.steps) for r in studio.of(Progress)] == [(n, 9) for n in range(1, 10)]
    assert len(studio.of(Image)) == len(studio.of(Done)) == 1


def test_second_rows_share_forwards_with_others_of_their_size(
    folder: Path, studio: Studio, shared: list[list[str]]
) -> None:
    second = SecondPass(0.75, upscale=1.5)
    works = [a_work(folder, n, steps=8, second=second) for n in range(2)]
    works.append(a_work(folder, 2, steps=20, width=96, height=96))
    alone = [Studio().draw(work)[0] for work in works]
    shared.clear()
    drawn = studio.draw(*works)
    large = [rows for rows in shared if all(row.endswith(" 12") for row in rows)]
    assert max(len(rows) for rows in large) > 1
    for one, other in zip(alone, drawn, strict=True):
        assert abs(pixels(one) - pixels(other)).max() <= 1


def test_previews_go_on_in_the_second_pass(folder: Path, studio: Studio, monkeypatch: Any) -> None:
    for pause in ("PREVIEW_SECONDS", "_TOGETHER"):
        monkeypatch.setattr(f"backends.diffusers_local.loop.telling.{pause}", 0.0)
    work = a_work(folder, steps=4, second=SecondPass(0.5, upscale=2))
    studio.submit(work)
    while not studio.ended(work.id):
        studio.turn()
        while studio.loop._press._newest:  # one that waits gives way to the next
            time.sleep(0.001)
    sizes = {Picture.open(io.BytesIO(r.preview)).size for r in studio.of(Progress) if r.preview}
    assert sizes == {(8, 8), (16, 16)}


@pytest.mark.parametrize("after", range(0, 10))
def test_cancelled_at_any_moment_it_ends_once_and_others_go_on(
    folder: Path, studio: Studio, after: int
) -> None:
    work = a_work(folder, 1, steps=4, second=SecondPass(0.5, upscale=2))
    other = a_work(folder, 2, steps=12)
    studio.submit(work, other)
    studio.turn(after)
    studio.loop.inbox.append(Cancel((work.id,)))
    studio.finish(work, other)
    ends = [r for r in studio.reports if isinstance(r, Cancelled | Done | Failed) and r.id == work.id]
    assert len(ends) == 1
    assert studio.of(Done, other.id)


def test_a_network_enlarges_in_pieces_between_others_steps(
    tmp_path: Path, folder: Path, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_SMALLEST", "_LARGEST"):
        monkeypatch.setattr(upscaling, name, 40)
    ref = write_upscaler(tmp_path / "x4.safetensors", "ESRGAN")
    second = SecondPass(0.5, upscale=3, upscale_method="model", upscaler=ref)
    work, other = a_work(folder, 1, steps=4, second=second), a_work(folder, 2, steps=60)
    studio.submit(work, other)
    studio.finish(work)
    assert studio.picture(work).size == (192, 192)
    told = [r for r in studio.reports if isinstance(r, Progress)]
    mine = [n for n, r in enumerate(told) if r.id == work.id]
    tiles = mine[4:-2]
    assert len(tiles) >= 4
    assert [told[n].step for n in mine] == list(range(1, len(mine) + 1))
    assert told[mine[-1]].steps == len(mine)
    assert tiles[-1] - tiles[0] > len(tiles) - 1, "the other took steps between the tiles"
    studio.finish(other)


def test_a_second_model_is_loaded_and_named(folder: Path, zero_folder: Path, studio: Studio) -> None:
    second = SecondPass(0.5, model=ModelRef("zero", str(zero_folder)))
    studio.draw(a_work(folder, second=second))
    assert {r.model for r in studio.of(Loaded)} == {"small", "zero"}


@pytest.mark.parametrize(
    ("second", "word"),
    [
        (SecondPass(0.5, method="Later"), "Refiner Method"),
        (SecondPass(0.5, sampler="nothing"), "nothing"),
        (SecondPass(0.5, upscale=2, upscale_method="model", upscaler=ModelRef("x.pth", "/x.pth")), "x.pth"),
        (SecondPass(0.5, model=ModelRef("gone", "/nowhere/gone")), "gone"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    folder: Path, studio: Studio, second: SecondPass, word: str
) -> None:
    work = a_work(folder, second=second)
    studio.submit(work)
    studio.finish(work)
    (failed,) = studio.of(Failed)
    assert word in failed.reason
    assert not studio.of(Started), "before its first step"


def test_short_of_memory_between_the_passes_the_first_drawing_is_decoded_in_tiles(
    folder: Path, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = steps.decode

    def failing(rows: Any) -> Any:
        if rows[0].latents.shape[-1] == 16:
            raise torch.OutOfMemoryError
        return decode(rows)

    monkeypatch.setattr(steps, "decode", failing)
    (picture,) = studio.draw(a_work(folder, width=128, height=128, second=SecondPass(0.5, upscale=1.5)))
    assert picture.size == (192, 192)


@pytest.mark.parametrize("times", [1, 2])
def test_short_of_memory_between_the_passes_it_is_tried_once_more(
    folder: Path, studio: Studio, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    place, tries = pictures.place_start, []

    def failing(*given: Any) -> Any:
        tries.append(given)
        if len(tries) <= times:
            raise torch.OutOfMemoryError
        return place(*given)

    monkeypatch.setattr(pictures, "place_start", failing)
    work = a_work(folder, second=SecondPass(0.5, upscale=1.5))
    studio.submit(work)
    studio.finish(work)
    assert bool(studio.of(Done)) is (times == 1)
    assert len(tries) == 2


def test_a_model_that_only_its_own_pipeline_draws_redraws_nothing(
    tmp_path: Path, folder: Path, studio: Studio
) -> None:
    stock_models.build("lumina2").save_pretrained(tmp_path / "lumina")
    second = SecondPass(0.5, model=ModelRef("lumina", str(tmp_path / "lumina")))
    work = a_work(folder, second=second)
    studio.submit(work)
    studio.finish(work)
    assert "choose another refiner" in studio.of(Failed)[0].reason
    assert not studio.of(Started)


def test_the_same_work_alone_is_the_same_to_the_last_bit(folder: Path, studio: Studio) -> None:
    second = SecondPass(0.5, upscale=1.5)
    ask: dict[str, Any] = {"seed": 5, "second": second, "deterministic": True}
    one, two = studio.draw(a_work(folder, 1, **ask), a_work(folder, 2, **ask))
    assert np.array_equal(pixels(one), pixels(two))
