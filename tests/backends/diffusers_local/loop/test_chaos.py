"""Whatever comes in whatever order: every work ends exactly once, and nothing of it is left."""

import gc
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from msgspec import structs

from backends.contract import (
    Cancel,
    Cancelled,
    Done,
    Failed,
    Free,
    Image,
    Load,
    Progress,
    Started,
    Submit,
    Watch,
    Work,
)
from backends.diffusers_local import steps
from backends.diffusers_local.loop import between
from backends.diffusers_local.row import Row
from tests.backends.diffusers_local.conftest import Studio, a_work, ref_of

SAMPLERS = ("euler", "ddim", "heun", "dpmpp_2m", "euler_ancestral")


class Trouble:
    """Fails real forwards, decodes and preparations now and then, in every way known."""

    def __init__(self, chance: random.Random, monkeypatch: pytest.MonkeyPatch) -> None:
        self._chance = chance
        self.calm = False
        for module, name in ((steps, "predict"), (steps, "decode"), (between, "prepare")):
            monkeypatch.setattr(module, name, self._troubled(getattr(module, name)))

    def _troubled(self, function: Any) -> Any:
        def call(*given: Any, **named: Any) -> Any:
            if not self.calm and self._chance.random() < 0.03:
                raise self._chance.choice(
                    [torch.OutOfMemoryError("too much"), ValueError("bad value"), RuntimeError("bad shape")]
                )
            answer = function(*given, **named)
            if isinstance(answer, Row) and not self.calm and self._chance.random() < 0.05:
                answer.latents = torch.full_like(answer.latents, float("nan"))
            return answer

        return call


def a_random_work(chance: random.Random, number: int, folders: list[Path]) -> Work:
    work = a_work(
        chance.choice(folders),
        number,
        steps=chance.choice([0, 1, 2, 5, 9]),
        width=chance.choice([64, 64, 96]),
        cfg_scale=chance.choice([1.0, 5.0]),
        sampler=chance.choice(SAMPLERS),
        previews=chance.random() < 0.7,
        deterministic=chance.random() < 0.15,
    )
    return structs.replace(work, user=chance.choice("abc"))


@pytest.fixture
def quiet_threads() -> Iterator[None]:
    """No companion is left waiting for a baton."""
    yield
    until = time.monotonic() + 5
    while any(thread.name == "slices" for thread in threading.enumerate()) and time.monotonic() < until:
        time.sleep(0.01)
    assert not [thread for thread in threading.enumerate() if thread.name == "slices"]


@pytest.mark.long
@pytest.mark.usefixtures("quiet_threads")
@pytest.mark.parametrize("seed", range(3))
def test_every_work_ends_once_and_nothing_is_left(
    folder: Path, zero_folder: Path, studio: Studio, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)
    trouble = Trouble(chance, monkeypatch)
    works = [a_random_work(chance, number, [folder, zero_folder]) for number in range(40)]
    coming = list(works)
    for _ in range(400):
        if coming and chance.random() < 0.4:
            studio.loop.inbox.append(Submit(coming.pop()))
        if chance.random() < 0.1:
            here = [work for work in works if work not in coming and not studio.ended(work.id)]
            studio.loop.inbox.append(Cancel(tuple(work.id for work in here[:1])))
        if chance.random() < 0.1:
            studio.loop.inbox.append(Watch((chance.choice(works).id,), chance.random() < 0.5))
        if chance.random() < 0.02:
            studio.loop.inbox.append(Free())
        if chance.random() < 0.02:
            studio.loop.inbox.append(Load("ticket", ref_of(chance.choice([folder, zero_folder]))))
        if studio.loop._busy:
            studio.turn()
    studio.submit(*coming)
    trouble.calm = True
    studio.finish(*works)
    studio.turn(2)
    ends = Counter(report.id for report in studio.reports if isinstance(report, Done | Failed | Cancelled))
    assert ends == {work.id: 1 for work in works}
    assert {report.id for report in studio.of(Done)} == {report.id for report in studio.of(Image)}
    assert max(Counter(report.id for report in studio.of(Started)).values()) == 1
    assert studio.of(Done)
    assert studio.of(Failed) or studio.of(Cancelled)
    for work in works:
        walked = [report.step for report in studio.of(Progress, work.id)]
        assert walked == sorted(set(walked))
    assert not studio.loop._busy
    studio.loop._turns.choose([])
    del works, coming
    gc.collect()
    assert not [one for one in gc.get_objects() if type(one) is Row]
