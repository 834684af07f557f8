"""The local engine with many users at once against the stock pipeline, one request after the other."""

from typing import Any

from backends.cores import engine_threads
from bench.drawing.process import run_cases
from bench.lag import lag_beside
from bench.report import Figure

SIZES = (128, 256, 512)
CASES = [
    *(f"starter:{pixels}:1:even:9" for pixels in SIZES),
    *(f"mid-size:{pixels}:1:even:{rounds}" for pixels, rounds in zip(SIZES, (7, 5, 3), strict=True)),
    *(f"starter:{pixels}:8:even:5" for pixels in SIZES),
    *(f"mid-size:{pixels}:8:even:{rounds}" for pixels, rounds in zip(SIZES, (3, 2, 1), strict=True)),
    "starter:128:16:mixed:5",
    "starter:128:8:previews:9",
    "starter:128:2:cancel:12",
]
AGAIN = ["starter:128:1:even:9", "starter:128:8:even:5"]
NEVER_SLOWER = 0.97


async def measure() -> list[Figure]:
    """Both sides in one process, in turn, with one thread each: more make the peer as slow as whatever else
    the machine does. Then the two first questions again with as many as the engine would take.
    """
    figures = []
    for threads in dict.fromkeys((1, engine_threads())):
        cases = CASES if threads == 1 else AGAIN
        told = await run_cases(cases, threads)
        figures += [figure for case in cases for figure in _figures(case, told[case], threads)]
    return [*figures, await lag_beside(engine_threads())]


def _figures(case: str, told: dict[str, Any], threads: int) -> list[Figure]:
    name, pixels, users, kind, _ = case.split(":")
    where = f"{name}, {pixels} px" + (f", {threads} threads" if threads > 1 else "")
    if kind == "previews":
        what = f"{where}, {users} users: previews on against off"
        return [Figure(what, told["slower"], "x", 1.01, 1.0, *_raw(told, "seconds"))]
    if kind == "cancel":
        what = f"{where}: from cancel to a free row, beyond a step, nine in ten"
        return [Figure(what, told["over_a_step"] * 1000, "ms", 20, 5)]
    if kind == "mixed":
        what = f"{where}, {users} users, 8 to 20 steps, half without guidance: throughput"
        return [Figure(what, told["speed"], "x", 2.2, 2.7, *_raw(told, "seconds"), better="higher")]
    if users == "1":
        what = f"{where}: one user's speed"
        return [Figure(what, told["speed"], "x", 0.98, 1.02, *_raw(told, "seconds"), better="higher")]
    bars = (1.8, 2.2) if (name, pixels) == ("starter", "128") else (NEVER_SLOWER, 1.0)
    what = f"{where}, {users} users: throughput"
    figures = [Figure(what, told["speed"], "x", *bars, *_raw(told, "seconds"), better="higher")]
    if bars[0] > 1:
        what = f"{where}, {users} users: mean time to the first preview"
        figures.append(Figure(what, told["first_preview"], "x", 0.15, 0.10, *_raw(told, "first_preview")))
    return figures


def _raw(told: dict[str, Any], what: str) -> tuple[str, str]:
    return f"{told['ours'][what] * 1000:.0f} ms", f"{told['peer'][what] * 1000:.0f} ms"
