"""`python -m bench.drawing.plot FILE.svg`: measures more and more users at once, and draws what they get.

Throughput and the mean time until a user sees something, of the engine and of the stock pipeline serving
one after the other, by the number of users who ask at the same moment; one thread on both sides.
"""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.drawing.process import run_cases

USERS = (1, 2, 4, 8, 16)
OURS, PEER, INK = "#1f6feb", "#b35900", "#57606a"


def main(path: Path) -> None:
    """Measure and draw."""
    cases = {users: f"starter:128:{users}:even:5" for users in USERS}
    told = asyncio.run(run_cases(list(cases.values()), threads=1))
    draw({users: told[case] for users, case in cases.items()}, path)


def draw(told: Mapping[int, Mapping[str, Any]], path: Path) -> None:
    """Write the picture; `told` is what was measured by number of users."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    pyplot.rcParams.update({"font.size": 10, "svg.fonttype": "path", "svg.hashsalt": "engine"})
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    users = sorted(told)
    rates = {side: [n / told[n][side]["seconds"] for n in users] for side in ("ours", "peer")}
    waits = {side: [told[n][side]["first_preview"] * 1000 for n in users] for side in ("ours", "peer")}
    _lines(left, users, rates, "pictures a second")
    _lines(right, users, waits, "milliseconds to the first preview, mean")
    right.set_yscale("log")
    left.set_ylim(0, 1.3 * max(rates["ours"]))
    left.legend(loc="upper left", frameon=False)
    figure.savefig(path, format="svg", metadata={"Date": None})


def _lines(plot: Any, users: Sequence[int], values: Mapping[str, Sequence[float]], title: str) -> None:
    plot.plot(users, values["ours"], "o-", color=OURS, label="this engine")
    plot.plot(users, values["peer"], "s--", color=PEER, label="stock pipeline, one after the other")
    plot.set_xscale("log", base=2)
    plot.set_xticks(users, [str(n) for n in users])
    plot.set_xlabel("users at once", color=INK)
    plot.set_title(title, loc="left", fontsize=10)
    plot.grid(axis="y", alpha=0.25)
    plot.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
