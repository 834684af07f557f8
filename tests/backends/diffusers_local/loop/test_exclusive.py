"""Works of their own pipelines in the loop: told, previewed, stopped, and taking turns with the others."""

import io
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as Picture

from backends.contract import (
    Cancel,
    Cancelled,
    Done,
    Failed,
    Image,
    Loaded,
    Loading,
    ModelRef,
    Progress,
    Started,
    Submit,
    Watch,
    Work,
)
from backends.diffusers_local import stock
from backends.diffusers_local.engine import ENGINE
from backends.diffusers_local.families import FAMILIES
from backends.diffusers_local.loading.stock_model import load_stock
from backends.diffusers_local.loop.exclusive import Exclusive
from tests.backends.diffusers_local.conftest import Studio, a_work
from tests.backends.diffusers_local.stock_models import build

CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "qwen"
    build("qwen_image").save_pretrained(path)
    return path


@pytest.fixture(scope="session")
def pixart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "pixart"
    build("pixart_sigma").save_pretrained(path)
    return path


def whole_work(path: Path, number: int = 0, **given: Any) -> Work:
    standard: dict[str, Any] = {"scheduler": "simple", "steps": 3, "cfg_scale": 3.0}
    return a_work(path, number, **(standard | given))


def pixels(picture: Picture.Image) -> Any:
    return np.asarray(picture.convert("RGB")).astype(int)


class Held:
    """A kit of one model."""

    def __init__(self, path: Path) -> None:
        self.model = load_stock(ModelRef(path.name, str(path)), CPU, torch.float32)
        self.vae = self.model.vae
        self.stack = ()


def alone(work: Work) -> Any:
    """The picture this work has by itself."""
    kit: Any = Held(Path(work.model.path))
    return pixels(stock.draw(work, kit, lambda *_: None).picture)


def test_its_reports_come_in_order_with_previews(qwen: Path, studio: Studio) -> None:
    work = whole_work(qwen)
    (picture,) = studio.draw(work)
    kinds = [type(report) for report in studio.reports if getattr(report, "id", None) == work.id]
    assert kinds == [Loading, Started, Progress, Progress, Progress, Image, Done]
    assert studio.of(Loaded)[0].models == ("qwen",)
    assert studio.of(Started)[0].steps == 3
    assert [(report.step, report.steps) for report in studio.of(Progress)] == [(1, 3), (2, 3), (3, 3)]
    previews = [report.preview for report in studio.of(Progress) if report.preview is not None]
    assert previews
    assert Picture.open(io.BytesIO(previews[0])).size == (8, 8)
    assert np.array_equal(pixels(picture), alone(work))
    assert picture.size == (64, 64)


def test_nobody_watches_nothing_is_shown(qwen: Path, studio: Studio) -> None:
    silent, left = whole_work(qwen, 1, previews=False), whole_work(qwen, 2, steps=20)
    studio.draw(silent)
    studio.submit(left)
    studio.loop.inbox.append(Watch((left.id,), False))
    studio.finish(left)
    assert not any(report.preview for report in studio.of(Progress))


def test_two_models_and_the_step_loop_share_the_machine(
    folder: Path, qwen: Path, pixart: Path, studio: Studio
) -> None:
    stepped = a_work(folder, 1, steps=12, deterministic=True)
    works = [
        whole_work(qwen, 2, steps=12),
        whole_work(pixart, 3, scheduler="normal", steps=12),
        whole_work(qwen, 4, steps=12, seed=9),
    ]
    pictures = studio.draw(stepped, *works)
    for picture, work in zip(pictures[1:], works, strict=True):
        assert np.array_equal(pixels(picture), alone(work)), work.id
    other = Studio()
    (by_itself,) = other.draw(stepped)
    other.loop.close()
    assert np.array_equal(pixels(pictures[0]), pixels(by_itself))


def test_a_short_work_does_not_wait_for_a_long_pipelines_end(
    folder: Path, qwen: Path, studio: Studio
) -> None:
    long, short = whole_work(qwen, 1, steps=400, previews=False), a_work(folder, 2, steps=3)
    studio.draw(a_work(folder, 3))  # its model is there
    studio.submit(long)
    while len(studio.of(Progress, long.id)) < 2:
        studio.turn()
    studio.loop.inbox.append(
        Submit(Work(short.id, "other", "s", short.model, short.prompt, width=64, height=64, steps=3))
    )
    studio.finish(short)
    assert not studio.ended(long.id)
    studio.loop.inbox.append(Cancel((long.id,)))
    studio.finish(long)


def test_a_cancel_stops_it_within_a_step(qwen: Path, studio: Studio) -> None:
    work = whole_work(qwen, steps=50)
    studio.submit(work)
    while len(studio.of(Progress, work.id)) < 3:
        studio.turn()
    studio.loop.inbox.append(Cancel((work.id,)))
    before = len(studio.of(Progress, work.id))
    studio.finish(work)
    assert studio.of(Cancelled, work.id)
    assert not studio.of(Image, work.id)
    assert len(studio.of(Progress, work.id)) <= before + 1
    again = whole_work(qwen, 2)
    (picture,) = studio.draw(again)
    assert np.array_equal(pixels(picture), alone(again))


def test_a_cancel_before_its_first_step_is_not_lost(qwen: Path, studio: Studio) -> None:
    work = whole_work(qwen, steps=5)
    studio.submit(work)
    studio.loop.inbox.append(Cancel((work.id,)))
    studio.finish(work)
    assert studio.of(Cancelled, work.id)
    assert not studio.of(Progress, work.id)


def test_decoding_waits_for_others_where_it_lasts_longer_than_a_step(qwen: Path) -> None:
    kit: Any = Held(qwen)
    slow = [
        module.register_forward_pre_hook(lambda *_: time.sleep(0.05))
        for module in (kit.vae.decoder.conv_in, kit.vae.decoder.mid_block, kit.vae.decoder.conv_out)
    ]
    work = whole_work(qwen)
    row = Exclusive(work, kit, lambda *_: None)
    while row.step < row.steps:
        row.go_on()
    pieces = 0
    while row.drawing is None:
        row.go_on()
        pieces += 1
    for hook in slow:
        hook.remove()
    assert pieces >= 3
    assert np.array_equal(pixels(row.drawing.picture), alone(work))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"sampler": "plms"}, "Qwen-Image has no sampler 'plms'"),
        ({"init_image": b"nothing"}, "cannot be read"),
        ({"steps": 0}, "at least 1 steps"),
    ],
)
def test_what_cannot_be_drawn_fails_with_a_sentence(
    given: dict[str, Any], words: str, qwen: Path, studio: Studio
) -> None:
    work = whole_work(qwen, **given)
    studio.submit(work)
    studio.finish(work)
    (failed,) = studio.of(Failed, work.id)
    assert words in failed.reason


def test_the_hub_learns_what_each_class_can_be_asked_for() -> None:
    for family in FAMILIES.values():
        if family.stock is not None:
            for class_id in family.classes:
                assert class_id in ENGINE.accepts
                assert ENGINE.class_pairs[class_id] == family.stock.samplers
