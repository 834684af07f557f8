"""Reports leave in order, and of the previews of a work that wait only the newest is drawn."""

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image as Picture

from backends.contract import Done, Image, Progress, Report, Work
from backends.contract import ModelRef as Ref
from backends.diffusers_local.pictures.press import Finished, Press, Preview
from backends.diffusers_local.pictures.preview import Floats
from backends.diffusers_local.pictures.sizes import plan_size

LATENTS = torch.zeros(4, 2, 2)


class Slow:
    """Draws when let."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.drawn = 0

    def jpeg(self, latents: Floats) -> bytes | None:
        self.begun.set()
        assert self.go_on.wait(5)
        self.drawn += 1
        return b"picture"


class Failing:
    """Cannot draw."""

    def jpeg(self, latents: Floats) -> bytes | None:
        raise RuntimeError("no memory")


class Leaving:
    """Leaves this one out."""

    def jpeg(self, latents: Floats) -> bytes | None:
        return None


@pytest.fixture
def told() -> list[Report]:
    return []


def until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not what():
        assert time.monotonic() < end
        time.sleep(0.002)


def test_only_the_newest_of_each_works_previews_is_drawn(told: list[Report]) -> None:
    press, slow = Press(told.append), Slow()
    press.put(Preview(Progress("a", 1, 9), LATENTS, slow))
    assert slow.begun.wait(5)
    press.put(Preview(Progress("a", 2, 9), LATENTS, slow))
    press.put(Preview(Progress("b", 1, 9), LATENTS, slow))
    press.put(Preview(Progress("a", 3, 9), LATENTS, slow))
    press.put(Progress("a", 4, 9))
    slow.go_on.set()
    until(lambda: len(told) == 5)
    press.close()
    seen = [(r.id, r.step, r.preview is not None) for r in told if isinstance(r, Progress)]
    assert seen == [("a", 1, True), ("a", 2, False), ("b", 1, True), ("a", 3, True), ("a", 4, False)]
    assert slow.drawn == 3


@pytest.mark.parametrize("shower", [Failing(), Leaving()])
def test_without_a_preview_the_step_is_still_told(told: list[Report], shower: Failing | Leaving) -> None:
    press = Press(told.append)
    press.put(Preview(Progress("a", 1, 9), LATENTS, shower))
    until(lambda: bool(told))
    press.close()
    assert told == [Progress("a", 1, 9)]


def test_no_preview_comes_after_its_picture(told: list[Report]) -> None:
    press, slow = Press(told.append), Slow()
    work = Work("a", "u", "s", Ref("m", "m"), "x", width=8, height=8)
    press.put(Preview(Progress("a", 1, 1), LATENTS, slow))
    picture = Picture.fromarray(np.zeros((8, 8, 3), np.uint8))
    press.put(Finished(work, plan_size(8, 8, (), 8), lambda: picture, 0.0, 0.0, {}))
    assert slow.begun.wait(5)
    assert told == []
    slow.go_on.set()
    until(lambda: len(told) == 3)
    press.close()
    assert [type(report) for report in told] == [Progress, Image, Done]
