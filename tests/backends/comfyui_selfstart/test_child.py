"""The process itself: its lines, its end, and that nothing of it outlives the hub, however that ends."""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backends.comfyui_selfstart.child import Child, Lines, ended, free_port, start
from backends.comfyui_selfstart.client import answers
from backends.comfyui_selfstart.plan import Plan, plan
from backends.comfyui_selfstart.settings import SelfStartSettings
from backends.contract import Misconfigured

STAND_IN = Path(__file__).resolve().parent / "stand_in" / "main.py"
GUARD = Path(__file__).resolve().parents[3] / "backends" / "comfyui_selfstart" / "guard.py"
posix_only = pytest.mark.skipif(os.name != "posix", reason="process groups and signals are POSIX's")


def planned(extra: str = "", gpu: str = "0") -> Plan:
    """A start of the stand-in."""
    given = SelfStartSettings(start_script=str(STAND_IN), python=sys.executable, extra_args=extra, gpu_id=gpu)
    return plan(given, os.environ)


@contextlib.asynccontextmanager
async def started(extra: str = "", gpu: str = "0") -> AsyncIterator[tuple[Child, list[str]]]:
    """A child that answers, and the lines it says."""
    said: list[str] = []
    child = await start(planned(extra, gpu), said.append)
    try:
        async with asyncio.timeout(60):
            await answers(f"http://127.0.0.1:{child.port}")
        yield child, said
    finally:
        await child.end()


def number(said: list[str], name: str) -> int:
    """A number that was printed."""
    found = re.search(rf"{name}=(\d+)", "\n".join(said))
    assert found is not None, said
    return int(found[1])


def lives(pid: int) -> bool:
    """Whether a process runs (one that is dead and not yet collected does not)."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat")
        return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


async def gone(*pids: int) -> None:
    """Wait until none of them lives."""
    until = time.monotonic() + 10
    while any(map(lives, pids)):
        assert time.monotonic() < until, pids
        await asyncio.sleep(0.02)


class TestSaying:
    async def test_every_line_once_clean_and_without_secrets(self) -> None:
        async with started("--api-key open-sesame", gpu="3") as (_, said):
            pass
        assert said[0] == "** ComfyUI startup time"
        assert said[1] == "cards=3 path=-"
        assert "folder=stand_in listen=127.0.0.1" in said[2]
        assert "using the key …" in said
        assert "loading: 100%" in said
        assert "open-sesame" not in str(said)

    def test_a_flood_is_counted_instead_of_told(self) -> None:
        now = [0.0]
        said: list[str] = []
        lines = Lines(said.append, clock=lambda: now[0])
        for index in range(1000):
            lines.take(f"line {index}\n".encode())
        now[0] = 1.5
        lines.take(b"after\r\n")
        assert (len(said), said[-2:]) == (202, ["(800 more lines in that second)", "after"])

    def test_what_is_no_text_and_what_is_too_much(self) -> None:
        said: list[str] = []
        lines = Lines(said.append)
        for printed in (b"\xff\xfe odd\n", b"   \n", b"x" * 5000):
            lines.take(printed)
        assert [len(line) for line in said] == [6, 2001]


class TestEnding:
    async def test_it_and_its_company_end_with_it(self) -> None:
        async with started("--company") as (child, said):
            pids = number(said, "pid"), number(said, "company")
            assert all(map(lives, pids))
            await child.end()
            await gone(*pids)
            assert child.gone.done()

    @posix_only
    @pytest.mark.long
    async def test_a_stubborn_one_ends_all_the_same(self) -> None:
        async with started("--stubborn") as (child, said):
            pid = number(said, "pid")
            await child.end()
            await gone(pid)

    async def test_an_end_of_its_own_has_its_code(self) -> None:
        said: list[str] = []
        child = await start(planned("--fail"), said.append)
        assert await child.gone == 1
        await child.end()
        assert said[-1] == "ModuleNotFoundError: No module named 'torch'"
        assert "exit code 1" in str(ended(1)) and "killed by signal 9" in str(ended(137))

    @posix_only
    async def test_a_killed_one_is_told_as_killed(self) -> None:
        async with started() as (child, said):
            os.kill(number(said, "pid"), signal.SIGKILL)
            assert await child.gone == 128 + signal.SIGKILL

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child to its parent's death")
    async def test_a_killed_guard_takes_it_along(self) -> None:
        async with started() as (child, said):
            pid = number(said, "pid")
            guard = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
            os.kill(guard, signal.SIGKILL)
            await gone(pid)
            assert child.gone

    @posix_only
    async def test_a_killed_hub_takes_it_along(self) -> None:
        # a hub of its own process: starts the stand-in as we do, says so, and waits for its end
        code = (
            "import asyncio, sys\n"
            "from tests.backends.comfyui_selfstart.test_child import planned, start\n"
            "async def main():\n"
            "    await start(planned('--company'), lambda line: print(line, flush=True))\n"
            "    await asyncio.sleep(600)\n"
            "asyncio.run(main())\n"
        )
        hub = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[3]
        )
        said: list[str] = []
        assert hub.stdout is not None
        async with asyncio.timeout(60):
            while not said or "company=" not in said[-1]:
                said.append((await hub.stdout.readline()).decode())
        pids = number(said, "pid"), number(said, "company")
        hub.send_signal(signal.SIGKILL)
        await hub.wait()
        await gone(*pids)


class TestStarting:
    async def test_a_python_that_is_none_is_told(self, tmp_path: Path) -> None:
        fake = tmp_path / "python"
        fake.write_text("no program")
        fake.chmod(0o755)
        said: list[str] = []
        wrong = Plan((str(fake), "main.py"), tmp_path, os.environ)
        child = await start(wrong, said.append)
        assert await child.gone == 127
        await child.end()
        assert said == ["It cannot be started: Exec format error."]

    async def test_a_folder_that_went_away_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(Misconfigured, match="Check StartScript"):
            await start(Plan(("x",), tmp_path / "gone", os.environ), print)

    def test_ports_are_free(self) -> None:
        assert len({free_port() for _ in range(20)}) > 1

    def test_the_guard_needs_nothing_of_ours(self) -> None:
        ran = subprocess.run(
            [sys.executable, "-I", str(GUARD), "1", sys.executable, "-c", "print('hi'); raise SystemExit(7)"],
            stdin=subprocess.PIPE,
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
            env={},
        )
        assert ran.returncode in (7, 128 + signal.SIGTERM)
