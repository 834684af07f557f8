"""The books of the soak find what is wrong: each defect is put on the disk and must be counted."""

import sqlite3
from pathlib import Path

import pytest
from msgspec.structs import asdict

from bench.soaking.books import END, Books

WHOLE = b"\x89PNG and so on" + END
CLEAN = {"lost": 0, "without_end": 0, "doubled": 0, "broken": 0, "told_otherwise": 0}


class Scene:
    """Two jobs that ended well, with a picture each."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.home = data / "outputs" / "local"
        self.home.mkdir(parents=True)
        self.database = sqlite3.connect(data / "hub.sqlite3", isolation_level=None)
        self.database.execute("CREATE TABLE jobs (id TEXT, state TEXT)")
        self.database.execute('CREATE TABLE images (job TEXT, "index" INT, path TEXT, bytes INT)')
        self.books = Books()
        for job in ("one", "two"):
            self.database.execute("INSERT INTO jobs VALUES (?, 'done')", (job,))
            self.picture(job, 0)
            self.books.hear({"event": "queued", "job": job, "images": 1})
            self.books.hear({"event": "imaged", "job": job, "index": 0, "image": f"View/local/{job}-0.png"})
            self.books.hear({"event": "ended", "job": job, "state": "done"})

    def picture(self, job: str, index: int, name: str = "") -> None:
        path = name or f"{job}-{index}.png"
        (self.home / path).write_bytes(WHOLE)
        self.database.execute("INSERT INTO images VALUES (?, ?, ?, ?)", (job, index, path, len(WHOLE)))

    def found(self) -> dict[str, int]:
        told = asdict(self.books.check(self.data))
        return {name: told[name] for name in CLEAN}


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_all_is_well(scene: Scene) -> None:
    assert scene.found() == CLEAN


def test_a_lost_job_and_a_lost_picture(scene: Scene) -> None:
    scene.database.execute("DELETE FROM jobs WHERE id = 'one'")
    scene.database.execute("DELETE FROM images WHERE job = 'two'")
    (scene.home / "two-0.png").unlink()
    assert scene.found() == CLEAN | {"lost": 2}


def test_a_job_without_an_end(scene: Scene) -> None:
    scene.database.execute("UPDATE jobs SET state = 'running' WHERE id = 'one'")
    assert scene.found()["without_end"] == 1


def test_a_picture_made_twice(scene: Scene) -> None:
    scene.picture("one", 0, "one-0-1.png")
    assert scene.found() == CLEAN | {"doubled": 1}


@pytest.mark.parametrize("content", [b"", WHOLE[:-4], b"\0" * len(WHOLE)])
def test_half_a_picture(scene: Scene, content: bytes) -> None:
    (scene.home / "one-0.png").write_bytes(content)
    assert scene.found() == CLEAN | {"broken": 1}


def test_a_row_without_a_file_and_a_file_without_a_row(scene: Scene) -> None:
    (scene.home / "one-0.png").unlink()
    (scene.home / ".pending").mkdir()
    (scene.home / ".pending" / "two-1").write_bytes(WHOLE)
    assert scene.found() == CLEAN | {"broken": 2}


def test_another_end_than_was_told(scene: Scene) -> None:
    scene.books.hear({"event": "ended", "job": "one", "state": "cancelled"})
    scene.books.hear({"event": "image_failed", "job": "two", "index": 0})
    assert scene.found() == CLEAN | {"told_otherwise": 2}
