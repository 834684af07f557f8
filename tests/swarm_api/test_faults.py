"""A full disk and a locked database, as users meet them: told in words, nothing half written, and all goes on
by itself once it is over.

The faults are real where they can be (SQLite's own limit, another connection's lock, a small file system) and
else put in at the very edge, where the hub hands bytes to the system.
"""

import asyncio
import errno
import json
import os
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hub.jobs import Jobs
from hub.media import Media
from hub.media import outputs as outputs_file
from hub.store import Store
from hub.store import writer as writer_file
from tests.hub.running import RunningHub, running
from tests.swarm_api.proper_calls import PROPER
from tests.swarm_api.sketching import SETTINGS, SMALL, Talker, sketching, talking

FULL = "The server's disk is full."
LOCKED = "Another program holds the server's database locked."


def no_room(*whatever: Any, **more: Any) -> Any:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def half_written(handle: int, pieces: list[bytes | memoryview]) -> int:
    os.write(handle, bytes(pieces[0])[:20])
    no_room()
    return 0


def agrees(hub: RunningHub) -> int:
    """Whether every row has its whole file and every file its row, with nothing half written; how many."""
    home = hub.room(Media).outputs.home("local")
    rows = dict(
        hub.room(Store).writer.many(
            "SELECT path, bytes FROM images WHERE user = 'local' AND path LIKE '%.png'"
        )
    )
    files = {file.relative_to(home).as_posix(): file.stat().st_size for file in home.rglob("*.png")}
    assert files == rows
    pending = home / outputs_file.PENDING
    assert not pending.exists() or not list(pending.iterdir())
    return len(rows)


async def refused(talk: Talker, words: str, **params: Any) -> None:
    await talk.ask(prompt="red", **params)
    assert words in (await talk.until("error", 60))["error"]


async def drawn(talk: Talker, **params: Any) -> str:
    await talk.ask(prompt="red", **params)
    found = await talk.until(lambda frame: "image" in frame or "error" in frame, 60)
    assert "image" in found, found
    return str(found["image"])


@contextmanager
def database_full(hub: RunningHub) -> Iterator[None]:
    """Let the database grow no more, which is what SQLite sees of a full disk."""
    writer = hub.room(Store).writer
    pages = writer.one("PRAGMA page_count") or (0,)
    free = writer.one("PRAGMA freelist_count") or (0,)
    ballast = "x" * 4096 * int(free[0] + 1)
    writer.prepare(lambda db: db.execute("CREATE TABLE ballast (text TEXT)"))
    writer.prepare(lambda db: db.execute("INSERT INTO ballast VALUES (?)", (ballast,)))
    pages = writer.one("PRAGMA page_count") or (0,)
    writer.prepare(lambda db: db.execute(f"PRAGMA max_page_count={pages[0]}"))
    try:
        yield
    finally:
        writer.prepare(lambda db: db.execute("PRAGMA max_page_count=1073741823"))
        writer.prepare(lambda db: db.execute("DROP TABLE ballast"))


@contextmanager
def database_locked(hub: RunningHub) -> Iterator[None]:
    """Another program in the middle of a transaction."""
    found = hub.room(Store).writer.one("PRAGMA database_list") or ()
    other = sqlite3.connect(str(found[2]), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


LARGE = "a very long prompt " * 2000


@sketching
class TestNoRoomForPictures:
    @pytest.mark.parametrize("edge", [(outputs_file, "_write_all", half_written), (os, "replace", no_room)])
    @pytest.mark.unchained("the picture comes from elsewhere")
    async def test_the_user_is_told_and_nothing_is_left(
        self, hub: RunningHub, monkeypatch: pytest.MonkeyPatch, edge: tuple[Any, str, Any]
    ) -> None:
        async with talking(hub) as talk:
            with monkeypatch.context() as patch:
                patch.setattr(*edge)
                await refused(talk, FULL)
                assert agrees(hub) == 0
                job = (await hub.post("/hub/v1/jobs", {"session_id": hub.session})).json()["jobs"][0]
                assert job["state"] == "failed" and FULL in job["images"][0]["error"]
            await drawn(talk)
            assert agrees(hub) == 1

    async def test_no_file_beside_means_no_picture(
        self, hub: RunningHub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Else it would be told to have failed, and be there all the same."""
        settings = {"fileformat.savetextfilemetadata": True}
        assert "error" not in await hub.call("ChangeUserSettings", settings=settings)
        async with talking(hub) as talk:
            with monkeypatch.context() as patch:
                patch.setattr(outputs_file.Outputs, "write_side", no_room)
                await refused(talk, FULL)
                assert agrees(hub) == 0
            await drawn(talk)
        assert agrees(hub) == 1
        assert len(list(hub.room(Media).outputs.home("local").rglob("*.swarm.json"))) == 1

    async def test_what_would_be_replaced_stays(
        self, hub: RunningHub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        grid = {
            **PROPER["/API/GridGenRun"],
            "outputType": "Web Page",
            "gridAxes": [{"mode": "prompt", "vals": "red"}],
        }
        assert "success" in (await hub.talk("GridGenRun", **grid))[-1]
        (file,) = hub.room(Media).outputs.home("local").rglob("*.png")
        before = file.read_bytes()
        other = {**grid, "baseParams": {**SMALL, "width": 128, "height": 128}}
        with monkeypatch.context() as patch:
            patch.setattr(outputs_file, "_write_all", half_written)
            frames = await hub.talk("GridGenRun", **other)
            assert any(FULL in frame.get("error", "") for frame in frames)
            assert agrees(hub) == 1 and file.read_bytes() == before
        assert "success" in (await hub.talk("GridGenRun", **other))[-1]
        assert agrees(hub) == 1 and file.read_bytes() != before


@sketching
class TestNoRoomForRows:
    async def test_a_request_is_refused_in_words_and_not_started(self, hub: RunningHub) -> None:
        async with talking(hub) as talk:
            with database_full(hub):
                await refused(talk, FULL, negativeprompt=LARGE)
                answer = await hub.call("GenerateText2Image", **SMALL, prompt=LARGE)
                assert FULL in answer["error"]
                assert agrees(hub) == 0
            await drawn(talk, negativeprompt=LARGE)
        assert agrees(hub) == 1

    async def test_any_other_call_too(self, hub: RunningHub) -> None:
        preset = {"title": "mine", "description": LARGE[:19000], "param_map": {}}
        with database_full(hub):
            answer = await hub.post("/API/AddNewPreset", {"session_id": hub.session, **preset})
            assert (answer.status_code, answer.json().get("error_id")) == (503, "not_stored"), answer.text
            assert FULL in answer.json()["error"]
        assert await hub.call("AddNewPreset", **preset) == {"success": True}

    @pytest.mark.unchained("the hub behind would have to wait")
    async def test_what_became_of_a_job_is_written_once_there_is_room(self, hub: RunningHub) -> None:
        """A failure with a long reason finds no room: it is told, and it is in the database in the end."""
        async with talking(hub) as talk:
            await talk.ask(prompt="red hold", images=3)
            await talk.until(lambda frame: frame.get("status", {}).get("live_gens") == 3, 60)
            writer = hub.room(Store).writer
            writer.prepare(lambda db: db.execute("PRAGMA query_only=1"))
            assert (await hub.call("InterruptAll"))["success"]
            await talk.until("socket_intention", 60)
            (state,) = writer.one("SELECT state FROM jobs") or ("",)
            assert state == "waiting"
            writer.prepare(lambda db: db.execute("PRAGMA query_only=0"))
            async with asyncio.timeout(60):
                while writer.one("SELECT state FROM jobs") != ("cancelled",):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            (ends,) = writer.one("SELECT ends FROM jobs") or ("",)
            assert json.loads(ends.splitlines()[0])["images"] == [[0, 2]]


@sketching
class TestALockedDatabase:
    @pytest.mark.unchained("the hub behind would have to wait")
    async def test_a_drawn_picture_waits_longer_than_a_caller(
        self, hub: RunningHub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(writer_file, "LOCK_TIMEOUT_S", 0.05)
        async with talking(hub) as talk:
            await talk.ask(prompt="red slow", steps=20)
            await talk.until("gen_progress", 60)
            with database_locked(hub):
                home = hub.room(Media).outputs.home("local")
                async with asyncio.timeout(60):
                    while not list((home / outputs_file.PENDING).glob("*")):  # noqa: ASYNC110
                        await asyncio.sleep(0.02)
                answer = await hub.post(
                    "/API/AddNewPreset",
                    {"session_id": hub.session, "title": "a", "description": "", "param_map": {}},
                )
                assert answer.status_code == 503 and LOCKED in answer.json()["error"]
                await refused(talk, LOCKED)
            await talk.until("image", 60)
        assert agrees(hub) == 1
        async with talking(hub) as talk:
            await drawn(talk)

    async def test_a_short_lock_is_waited_for(self, hub: RunningHub) -> None:
        async with talking(hub) as talk:
            with database_locked(hub):
                await talk.ask(prompt="red")
                assert (await hub.http.get("/hub/v1/health")).status_code == 200
            await talk.until("image", 60)
        assert agrees(hub) == 1


@sketching
class TestAClockThatIsSet:
    """In mid-work, by a day in either direction."""

    @pytest.mark.parametrize("step", [86_400.0, -86_400.0])
    async def test_all_is_done_in_order_under_ids_of_its_own(self, hub: RunningHub, step: float) -> None:
        jobs, shift = hub.room(Jobs), [0.0]

        def clock() -> float:
            return time.time() + shift[0]

        jobs._clock = jobs._bus.clock = jobs._reports._clock = clock
        other = await hub.session_as("user")
        async with talking(hub) as talk, talking(hub, other) as neighbour:
            await talk.ask(prompt="red hold")
            await talk.until(lambda frame: frame.get("status", {}).get("live_gens") == 1, 60)
            await talk.ask(prompt="red slow", images=8)
            shift[0] = step
            for prompt in ("blue", "green"):
                await talk.ask(prompt=prompt)
            await neighbour.ask(prompt="red", images=2)
            await neighbour.until("socket_intention", 60)
            held = (await hub.post("/hub/v1/jobs", {"session_id": hub.session})).json()["jobs"][-1]["job"]
            await hub.post("/hub/v1/jobs/cancel", {"session_id": hub.session, "job": held})
            await talk.until("socket_intention", 60)
            assert len(talk.of("image")) == 10 and len(set(talk.of("image"))) == 10
        rows = hub.room(Store).writer.many("SELECT id, request_id, state FROM jobs WHERE user = 'local'")
        assert sorted(row[1] for row in rows) == [1001, 1002, 1003, 1004]
        assert sorted(row[2] for row in rows) == ["cancelled", "done", "done", "done"]
        speed = jobs.figures().seconds
        assert speed is not None and 0 < speed < 60, "measured by the clock that was set"
        assert await hub.call("GetMyUserData") and agrees(hub) == 10


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with sixteen megabytes, where one may be mounted."""
    place = tmp_path / "small"
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(place)]
    try:
        done = subprocess.run(words, capture_output=True, check=False)
    except OSError:
        done = None
    if done is None or done.returncode:
        pytest.skip("a file system may not be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=False)


async def test_a_disk_that_is_really_full(small_disk: Path) -> None:
    async with running(small_disk / "data", SETTINGS) as hub, talking(hub) as talk:
        await drawn(talk)
        ballast = small_disk / "ballast"
        with pytest.raises(OSError, match="No space"), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        for _ in range(3):
            await refused(talk, FULL, width=256, height=256, negativeprompt=LARGE)
        assert (await hub.http.get("/hub/v1/health")).status_code == 200
        assert agrees(hub) == 1
        ballast.unlink()
        await drawn(talk, width=256, height=256, negativeprompt=LARGE)
        assert agrees(hub) == 2
    async with running(small_disk / "data", SETTINGS) as hub:
        assert agrees(hub) == 2
        unfinished = hub.room(Store).writer.many("SELECT id FROM jobs WHERE state NOT IN ('done', 'failed')")
        assert not unfinished
