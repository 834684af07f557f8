"""What a bench hands back and how it is told: each figure beside its peer, its floor and its aim."""

import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    `value` is compared with `floor` (must hold) and `aim` (wanted); `better` says in which direction. `unit`
    is "x" for a ratio of ours to the peer's in the same run, else what is counted ("jobs/s"). `ours` and
    `peer` tell both raw figures with their units, for the reader only.
    """

    what: str
    value: float
    unit: str
    floor: float
    aim: float
    ours: str = ""
    peer: str = ""
    better: Literal["lower", "higher"] = "lower"

    def reaches(self, limit: float) -> bool:
        """Tell whether the value is at least as good as `limit`."""
        return self.value <= limit if self.better == "lower" else self.value >= limit

    @property
    def verdict(self) -> str:
        """`aim` or `floor` for the best limit that is held, else `missed`."""
        if self.reaches(self.aim):
            return "aim"
        return "floor" if self.reaches(self.floor) else "missed"


def table(bench: str, figures: Sequence[Figure]) -> str:
    """Write a bench's figures for a terminal."""
    lines = [f"== {bench}"]
    words = {"aim": "reaches the aim", "floor": "holds the floor", "missed": "MISSES THE FLOOR"}
    for figure in figures:
        sign = "<=" if figure.better == "lower" else ">="
        limits = f"floor {sign} {_number(figure.floor)}, aim {sign} {_number(figure.aim)}"
        value = f"{_number(figure.value)} {figure.unit}"
        lines.append(f"  {value}  {figure.what}: {words[figure.verdict]} ({limits})")
        raw = [f"ours {figure.ours}" if figure.ours else "", f"peer {figure.peer}" if figure.peer else ""]
        if any(raw):
            lines.append("      " + ", ".join(part for part in raw if part))
    return "\n".join(lines)


def write_json(path: Path, results: dict[str, Sequence[Figure]], failed: dict[str, str]) -> None:
    """Write all figures with what is needed to read them later: machine, Python, limits, verdicts."""
    told = {
        "machine": {"system": platform.platform(), "cpus": os.cpu_count(), "python": sys.version.split()[0]},
        "benches": {
            name: [asdict(figure) | {"verdict": figure.verdict} for figure in figures]
            for name, figures in results.items()
        },
        "failed": failed,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told, indent=2) + "\n", "utf-8")


def _number(value: float) -> str:
    return f"{value:.2f}" if abs(value) < 100 else f"{value:.0f}"
