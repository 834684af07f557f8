"""All that any life of the hub has told, and whether what lies on the disk in the end agrees with it."""

import json
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

from msgspec import Struct

END = b"IEND\xaeB`\x82"
"""The last bytes of every whole PNG (ISO/IEC 15948 §11.2.5)."""


class Findings(Struct, frozen=True):
    """What is wrong, each as a count, and how much there was to look at."""

    jobs: int
    pictures: int
    lost: int
    without_end: int
    doubled: int
    broken: int
    told_otherwise: int


class Books:
    """What was told by events: jobs accepted, their ends, pictures, images that end without one."""

    def __init__(self) -> None:
        self.accepted: set[str] = set()
        self.ended: dict[str, set[str]] = {}
        self.images: dict[tuple[str, int], str] = {}
        self.without: set[tuple[str, int]] = set()
        self.errors: Counter[str] = Counter()

    def hear(self, frame: dict[str, Any]) -> None:
        """Note an event."""
        match frame.get("event"):
            case "snapshot":
                self.accepted.update(job["job"] for job in frame["jobs"])
            case "queued":
                self.accepted.add(frame["job"])
            case "ended":
                self.ended.setdefault(frame["job"], set()).add(frame["state"])
            case "imaged":
                self.images[frame["job"], frame["index"]] = frame["image"]
            case "image_cancelled" | "image_failed":
                self.without.add((frame["job"], frame["index"]))

    def check(self, data: Path) -> Findings:
        """Compare with the database and the files of a hub that has stopped."""
        with sqlite3.connect(next(data.glob("*.sqlite3"))) as database:
            jobs = dict(database.execute("SELECT id, state FROM jobs"))
            rows = database.execute('SELECT job, "index", path, bytes FROM images').fetchall()
        home = data / "outputs" / "local"
        files = {
            file.relative_to(home).as_posix(): file
            for file in home.rglob("*")
            if file.is_file() and file.suffix != ".swarm.json"
        }
        made = Counter((job, index) for job, index, _, _ in rows)
        paths = {path: size for _, _, path, size in rows}
        broken = sum(not _is_whole(files[path], size) for path, size in paths.items() if path in files)
        unpaired = len(paths.keys() ^ files.keys())
        ends = sum(self.ended.get(job, {state}) != {state} for job, state in jobs.items())
        return Findings(
            jobs=len(jobs),
            pictures=len(rows),
            lost=len(self.accepted - jobs.keys()) + len(self.images.keys() - made.keys()),
            without_end=sum(state not in ("done", "failed", "cancelled") for state in jobs.values()),
            doubled=sum(many - 1 for many in made.values()) + len(rows) - len(paths),
            broken=broken + unpaired,
            told_otherwise=ends + len(self.without & made.keys()),
        )


def _is_whole(file: Path, size: int) -> bool:
    data = file.read_bytes()
    return len(data) == size and data.startswith(b"\x89PNG") and data.endswith(END)


def read_frame(text: str | bytes) -> dict[str, Any]:
    """A frame of the hub, {} for one that is no object."""
    value = json.loads(text)
    return value if isinstance(value, dict) else {}
