"""Prompts that change between the steps: each step reads its own, and all others draw as ever."""

from pathlib import Path

import pytest
import torch

from backends.contract import Work
from backends.diffusers_local import steps
from backends.diffusers_local.loading.gather import Kit
from backends.diffusers_local.loading.model import Model
from backends.diffusers_local.prepare import Refused, prepare
from backends.diffusers_local.row import Row
from tests.backends.diffusers_local.conftest import a_work


def started(model: Model, work: Work) -> Row:
    with torch.inference_mode():
        return prepare(work, Kit(model))


def step(*rows: Row) -> None:
    with torch.inference_mode():
        for row, prediction in zip(rows, steps.predict(rows), strict=True):
            steps.advance(row, prediction)


def walked(model: Model, work: Work) -> torch.Tensor:
    row = started(model, work)
    while not row.finished:
        step(row)
    return row.latents


@pytest.mark.parametrize("cfg", [1.0, 5.0])
@pytest.mark.parametrize("sampler", ["euler", "heun"])
def test_each_step_reads_its_own(folder: Path, model: Model, sampler: str, cfg: float) -> None:
    def work(prompt: str) -> Work:
        return a_work(folder, prompt=prompt, sampler=sampler, cfg_scale=cfg, steps=4)

    row = started(model, work("a [red circle|blue square]"))
    alone = [started(model, work(prompt)) for prompt in ("a red circle", "a blue square")]
    while not row.finished:
        expected = alone[(row.index // row.scheduler.order) % 2]
        assert torch.equal(row.states, expected.states)
        step(row)


def test_from_a_step_on_it_is_the_other_prompt(folder: Path, model: Model) -> None:
    changed = walked(model, a_work(folder, prompt="a [red:blue:2] circle", steps=4))
    row = started(model, a_work(folder, prompt="a red circle", steps=4))
    other = started(model, a_work(folder, prompt="a blue circle", steps=4))
    step(row)
    step(row)
    row.states = other.states
    while not row.finished:
        step(row)
    assert torch.equal(changed, row.latents)


@pytest.mark.parametrize("same", ["[a circle|a circle]", "[a circle:x:1.0]", "[x:a circle:0]"])
def test_changing_to_the_same_changes_nothing(folder: Path, model: Model, same: str) -> None:
    expected = walked(model, a_work(folder, prompt="a circle", steps=4))
    assert torch.equal(walked(model, a_work(folder, prompt=same, steps=4)), expected)


def test_the_negative_prompt_changes_too(folder: Path, model: Model) -> None:
    plain = walked(model, a_work(folder, negative_prompt="blue", cfg_scale=5.0, steps=4))
    changed = walked(model, a_work(folder, negative_prompt="[blue|red]", cfg_scale=5.0, steps=4))
    assert not torch.equal(plain, changed)


def test_it_shares_forwards_with_works_that_do_not_change(folder: Path, model: Model) -> None:
    prompts = ("a [red|blue] circle", "a green square")
    together = [started(model, a_work(folder, prompt=prompt, steps=4)) for prompt in prompts]
    assert together[0].key == together[1].key
    while not together[0].finished:
        step(*together)
    for row, prompt in zip(together, prompts, strict=True):
        alone = walked(model, a_work(folder, prompt=prompt, steps=4))
        assert torch.allclose(row.latents, alone, atol=1e-4)


def test_items_of_different_lengths_are_made_equally_long(folder: Path, model: Model) -> None:
    long = "red " * 100
    row = started(model, a_work(folder, prompt=f"[{long}|blue]", steps=3))
    assert {reading.states.shape for reading in row.readings} == {row.states.shape}


def test_too_many_are_refused(folder: Path, model: Model) -> None:
    items = "|".join(f"red {'circle ' * number}" for number in range(40))
    with pytest.raises(Refused, match="fewer items"):
        started(model, a_work(folder, prompt=f"[{items}]", steps=50))
    with pytest.raises(Refused, match="at most 100"):
        started(model, a_work(folder, prompt="[a|b]" * 101, steps=2))
