"""Engines that come, change and go while the pool runs."""

import asyncio
from pathlib import Path

import pytest
import pytest_asyncio

import backends.pool
from backends.contract import Done, EngineConfig, Submit, Work
from backends.discover import EngineFolderError
from backends.pool import Pool
from backends.spawn import SpawnOptions
from tests.backends.conftest import ENGINES, MODEL


class Yard:
    """A pool of echo engines and what it told."""

    def __init__(self, keep: str = "") -> None:
        self.done: list[str] = []
        self.lost: list[tuple[int, tuple[str, ...], str]] = []
        self.versions: list[int] = []
        self.news = asyncio.Event()
        self.pool = Pool(
            [ENGINES],
            [EngineConfig(0, "echo", settings={"step_seconds": 0.05})],
            self._heard,
            lambda: self.versions.append(self.pool.version),
            lambda *lost: self.lost.append(lost),
            spawning=SpawnOptions(threads=1, keep=keep),
        )

    def _heard(self, engine: int, report: object) -> None:
        if isinstance(report, Done):
            self.done.append(report.id)
        self.news.set()

    def submit(self, engine: int, prompt: str = "x", steps: int = 10) -> str:
        work = Work(f"j:{len(self.done)}", "u", "s", MODEL, prompt, steps=steps)
        self.pool.send(engine, Submit(work))
        return work.id

    def words(self) -> list[tuple[int, str, bool]]:
        return [(state.id, state.status, state.enabled) for state in self.pool.states()]


@pytest_asyncio.fixture
async def yard(tmp_path: Path):
    yard = Yard(str(tmp_path))
    await yard.pool.start()
    await yard.pool.ready()
    yield yard
    await yard.pool.stop()


async def test_one_more_engine_starts_and_draws(yard: Yard) -> None:
    yard.pool.add(EngineConfig(5, "echo"))
    await asyncio.sleep(0)
    assert yard.words() == [(0, "running", True), (5, "loading", True)]
    await yard.pool.ready()
    assert yard.words()[1] == (5, "running", True) and yard.versions
    with pytest.raises(EngineFolderError, match=r"'sofa'; known: .*echo"):
        yard.pool.add(EngineConfig(6, "sofa"))
    assert len(yard.words()) == 2


async def test_a_change_waits_for_the_running_works_and_takes_no_new_ones(yard: Yard) -> None:
    work = yard.submit(0)
    changing = asyncio.create_task(yard.pool.change(0, EngineConfig(0, "echo", "Other")))
    await asyncio.sleep(0.1)
    state = yard.pool.states()[0]
    assert (state.status, state.busy) == ("waiting", 1) and "as soon as" in state.reason
    await changing
    assert yard.done == [work] and not yard.lost
    await yard.pool.ready()
    state = yard.pool.states()[0]
    assert (state.status, state.title, state.reason) == ("running", "Other", "")


async def test_one_switched_off_still_ends_its_works(yard: Yard) -> None:
    pid = yard.pool.processes()[0]
    work = yard.submit(0)
    changing = asyncio.create_task(yard.pool.change(0, EngineConfig(0, "echo", enabled=False)))
    await asyncio.sleep(0.1)
    assert yard.words() == [(0, "disabled", False)] and yard.pool.processes()[0] == pid
    await changing
    assert yard.done == [work]
    assert yard.words() == [(0, "disabled", False)] and yard.pool.processes()[0] is None
    await yard.pool.change(0, EngineConfig(0, "echo"))
    await yard.pool.ready()
    assert yard.words() == [(0, "running", True)]


async def test_works_that_take_too_long_are_given_back(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends.pool, "PATIENCE", 0.1)
    work = yard.submit(0, steps=1000)
    await yard.pool.change(0, EngineConfig(0, "echo"))
    assert yard.lost == [(0, (work,), "The engine was changed while it was drawing.")]


async def test_another_number_takes_along_what_was_learned_and_said(yard: Yard, tmp_path: Path) -> None:
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "learned").write_text("much")
    yard.submit(0, "print this", steps=1)
    while not yard.done:
        yard.news.clear()
        await yard.news.wait()
    yard.pool.add(EngineConfig(4, "echo", enabled=False))
    await yard.pool.change(0, EngineConfig(9, "echo"))
    await yard.pool.ready()
    assert [word[0] for word in yard.words()] == [4, 9]
    assert (tmp_path / "9" / "learned").read_text() == "much" and not (tmp_path / "0").exists()
    assert any("print this" in line.text for line in yard.pool.lines(9)) and not yard.pool.lines(0)


async def test_a_removed_one_is_gone_with_what_it_kept(yard: Yard, tmp_path: Path) -> None:
    (tmp_path / "0").mkdir()
    work = yard.submit(0)
    await yard.pool.remove(0)
    assert yard.done == [work] and yard.words() == [] and not (tmp_path / "0").exists()
    with pytest.raises(KeyError):
        await yard.pool.remove(0)


async def test_a_failing_engine_leaves_its_last_lines(yard: Yard) -> None:
    yard.pool.add(EngineConfig(1, "echo", settings={"broken": "The moon is missing."}))
    await yard.pool.ready()
    lines = yard.pool.lines(1)
    assert any("moon" in line.text and line.level == "error" and line.time > 0 for line in lines)
    assert len(lines) <= 200
