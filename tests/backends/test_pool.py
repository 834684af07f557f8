"""The pool and its worker processes, through the real protocol, with the echo engine."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from backends.contract import (
    Cancel,
    Cancelled,
    Done,
    EngineConfig,
    Failed,
    Free,
    Image,
    Log,
    ModelRef,
    Progress,
    Report,
    Started,
    Submit,
    Watch,
    Work,
)
from backends.discover import EngineFolderError, find_engines
from backends.loads import EngineTrouble
from backends.pool import Pool
from backends.spawn import SpawnOptions
from backends.watch import WatchOptions
from tests.backends.conftest import ENGINES, MODEL


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def test_a_work_runs_through_all_its_reports_in_order(make_bench) -> None:
    bench = await make_bench(step_seconds=0.01)
    assert bench.status == "running"
    work = bench.submit(steps=3)
    assert bench.pool.states()[0].busy == 1
    await bench.until(lambda: bench.of(Done))
    kinds = [type(r) for r in bench.reports if getattr(r, "id", None) == work]
    assert kinds == [Started, Progress, Progress, Progress, Image, Done]
    assert bench.of(Image)[0].data.startswith(b"\x89PNG")
    assert bench.pool.states()[0].busy == 0
    assert bench.pool.states()[0].device == "echo"


async def test_the_way_over_loopback_works_too(make_bench) -> None:
    bench = await make_bench(loopback=True)
    bench.submit()
    await bench.until(lambda: bench.of(Done))


async def test_a_setting_that_the_engine_has_not_is_named(make_bench) -> None:
    bench = await make_bench(colour="red")
    await bench.until(lambda: bench.status == "errored", 40)
    assert "has no setting 'colour'; it has: " in bench.pool.states()[0].reason


async def test_a_cancelled_work_ends_once(make_bench) -> None:
    bench = await make_bench(step_seconds=0.05)
    work = bench.submit(steps=100)
    await bench.until(lambda: bench.of(Progress))
    bench.pool.send(0, Cancel((work, "unknown")))
    await bench.until(lambda: bench.of(Cancelled, work))
    assert not bench.of(Done)
    assert bench.pool.states()[0].busy == 0


async def test_a_killed_worker_gives_its_works_back_and_comes_again(make_bench) -> None:
    bench = await make_bench(step_seconds=0.05)
    ids = {bench.submit(n, steps=200) for n in range(3)}
    await bench.until(lambda: bench.of(Progress))
    before, pid = bench.pool.version, bench.pool.processes()[0]
    os.kill(pid, signal.SIGKILL)
    await bench.until(lambda: bench.lost)
    assert set(bench.lost[0][0]) == ids
    assert "signal 9" in bench.lost[0][1]
    await bench.until(lambda: bench.status == "running")
    assert bench.pool.processes()[0] not in (None, pid)
    assert bench.pool.version > before
    bench.submit(9, steps=1)
    await bench.until(lambda: bench.of(Done, "j:9"))


async def test_work_sent_while_the_worker_is_being_restarted_is_done_then(make_bench) -> None:
    bench = await make_bench()
    os.kill(bench.pool.processes()[0], signal.SIGKILL)
    await bench.until(lambda: bench.status != "running")
    bench.submit(1)
    bench.submit(2)
    bench.pool.send(0, Cancel(("j:2",)))
    assert bench.of(Cancelled, "j:2")
    await bench.until(lambda: bench.of(Done, "j:1"))
    assert not bench.of(Done, "j:2")


async def test_watching_work_sent_while_the_worker_is_being_restarted_cancels_nothing(make_bench) -> None:
    bench = await make_bench()
    os.kill(bench.pool.processes()[0], signal.SIGKILL)
    await bench.until(lambda: bench.status != "running")
    bench.submit(1)
    bench.pool.send(0, Watch(("j:1", "unknown"), watched=False))
    await bench.until(lambda: bench.of(Done, "j:1"))
    assert not bench.of(Cancelled, "j:1")


async def test_crash_after_crash_opens_the_breaker_until_work_asks_again(make_bench) -> None:
    bench = await make_bench()
    for number in range(3):
        await bench.until(lambda: bench.status == "running")
        bench.submit(number, "crash")
        await bench.until(lambda n=number: len(bench.lost) == n + 1)
    engine = bench.pool._engines[0]
    engine._restarts._deaths.extend([time.monotonic()] * 3)
    await bench.until(lambda: bench.status == "running")
    bench.submit(7, "crash")
    await bench.until(lambda: bench.status == "errored")
    assert "signal 9" in bench.pool.states()[0].reason
    bench.submit(8)
    await bench.until(lambda: bench.of(Done, "j:8"))
    assert bench.status == "running"


async def test_an_engine_that_cannot_start_says_why(make_bench) -> None:
    bench = await make_bench(broken="The moon is missing.")
    await bench.until(lambda: bench.status == "errored", 40)
    assert bench.pool.states()[0].reason == "The moon is missing."
    bench.submit(1)
    await bench.until(lambda: bench.lost)
    assert bench.lost == [(("j:1",), "The moon is missing.")]
    with pytest.raises(EngineTrouble, match="moon"):
        await bench.pool.load(MODEL)


async def test_a_worker_whose_control_thread_hangs_is_killed(make_bench) -> None:
    bench = await make_bench(WatchOptions(ping=0.1, silent=0.4, stuck=1.2))
    bench.submit(1, "hang control")
    await bench.until(lambda: bench.status == "silent")
    await bench.until(lambda: bench.lost)
    assert bench.lost[0][0] == ("j:1",)
    assert "no sign of life" in bench.lost[0][1]
    await bench.until(lambda: bench.status == "running")


async def test_a_worker_whose_engine_thread_hangs_is_killed(make_bench) -> None:
    bench = await make_bench(WatchOptions(ping=0.1, stall=0.6))
    bench.submit(1, "hang")
    await bench.until(lambda: bench.lost)
    assert "no progress" in bench.lost[0][1]


async def test_an_idle_worker_is_not_taken_for_stalled(make_bench) -> None:
    bench = await make_bench(WatchOptions(ping=0.05, stall=0.2))
    pid = bench.pool.processes()[0]
    await asyncio.sleep(0.6)
    assert bench.pool.processes()[0] == pid


async def test_failure_and_printed_lines_reach_the_hub(make_bench) -> None:
    bench = await make_bench()
    bench.submit(1, "fail")
    bench.submit(2, "print this line")
    await bench.until(lambda: any("print this line" in r.text for r in bench.of(Log)))
    await bench.until(lambda: bench.of(Done, "j:2"))
    assert bench.of(Failed, "j:1")[0].reason == "It was asked to fail."
    assert bench.pool.states()[0].busy == 0


async def test_models_are_loaded_counted_and_freed(make_bench) -> None:
    bench = await make_bench()
    before = bench.pool.version
    await bench.pool.load(MODEL)
    assert bench.pool.states()[0].models == ("m",)
    assert bench.pool.version > before
    bench.pool.send(0, Free())
    await bench.until(lambda: bench.pool.states()[0].models == ())
    with pytest.raises(EngineTrouble, match="broken"):
        await bench.pool.load(ModelRef("broken", "/b"), 0)


async def test_stop_ends_the_worker_within_seconds_even_when_it_hangs(make_bench) -> None:
    bench = await make_bench(WatchOptions(stop=1))
    pid = bench.pool.processes()[0]
    bench.submit(1, "hang control")
    await bench.until(lambda: bench.pool.states()[0].busy)
    async with asyncio.timeout(60):  # it would hang for an hour
        await bench.pool.stop()
    assert gone(pid)
    assert not bench.lost


@pytest.mark.parametrize("loopback", [False, True])
async def test_stop_does_not_wait_for_a_start(loopback: bool) -> None:
    pool = Pool(
        [ENGINES],
        [EngineConfig(0, "echo", settings={"start_seconds": 600.0})],
        lambda *_: None,
        lambda: None,
        lambda *_: None,
        spawning=SpawnOptions(threads=1, loopback=loopback),
    )
    await pool.start()
    await asyncio.sleep(2)  # by now it is within its start
    pid = pool.processes()[0]
    assert pid is not None
    async with asyncio.timeout(60):
        await pool.stop()
    assert gone(pid)


async def test_every_engine_has_a_folder_of_its_own_to_keep_things_in(tmp_path: Path) -> None:
    printed: list[Report] = []
    done = asyncio.Event()

    def hear(_engine: int, report: Report) -> None:
        printed.append(report)
        if isinstance(report, Done):
            done.set()

    pool = Pool(
        [ENGINES],
        [EngineConfig(3, "echo")],
        hear,
        lambda: None,
        lambda *_: None,
        spawning=SpawnOptions(threads=1, keep=str(tmp_path)),
    )
    await pool.start()
    await pool.ready()
    pool.send(3, Submit(Work("a:0", "u", "s", MODEL, "print keep", steps=1)))
    async with asyncio.timeout(60):
        await done.wait()
    await pool.stop()
    assert str(tmp_path / "3") in " ".join(r.text for r in printed if isinstance(r, Log))


async def test_a_disabled_engine_starts_nothing_and_gives_work_back() -> None:
    lost: list[tuple[str, ...]] = []
    pool = Pool(
        [ENGINES],
        [EngineConfig(4, "echo", enabled=False)],
        lambda *_: None,
        lambda: None,
        lambda _engine, ids, _reason: lost.append(ids),
    )
    await pool.start()
    assert [s.status for s in pool.states()] == ["disabled"]
    pool.send(4, Submit(Work("a:0", "u", "s", MODEL, "x")))
    assert lost == [("a:0",)]
    with pytest.raises(EngineTrouble):
        await pool.load(MODEL)
    await pool.stop()


async def test_a_worker_ends_when_its_hub_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "hub.py"
    script.write_text(
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from backends.pool import Pool\n"
        "from backends.contract import EngineConfig\n"
        "async def main():\n"
        f"    pool = Pool([Path({str(ENGINES)!r})], [EngineConfig(0, 'echo')],"
        " lambda *a: None, lambda: None, lambda *a: None)\n"
        "    await pool.start()\n"
        "    await pool.ready()\n"
        "    print(pool.processes()[0], flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    root = Path(__file__).resolve().parents[2]
    hub = subprocess.Popen(  # noqa: ASYNC220 - returns at once
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(root)},
        text=True,
    )
    worker = int(await asyncio.to_thread(hub.stdout.readline))
    hub.kill()
    hub.wait()
    for _ in range(100):
        if gone(worker):
            return
        await asyncio.sleep(0.05)
    pytest.fail("the worker outlived its hub")


def test_engines_are_found_without_native_code() -> None:
    code = (
        "import sys; from pathlib import Path; from backends.pool import Pool; "
        f"p = Pool([Path({str(ENGINES)!r})], [], lambda *a: 0, lambda: 0, lambda *a: 0); "
        "assert {t.id for t in p.types()} >= {'echo', 'diffusers_local'}, p.types(); "
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules and 'PIL' not in sys.modules"
    )
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)


def test_a_broken_engine_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "engine.py").write_text("ENGINE = 5\n")
    with pytest.raises(EngineFolderError, match=r"bad.*must set ENGINE"):
        find_engines([tmp_path])
    with pytest.raises(EngineFolderError, match="does not exist"):
        find_engines([tmp_path / "nowhere"])
