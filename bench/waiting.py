"""What one more queued job costs while few or very many wait, and whether newcomers are served in turn."""

import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from backends.contract import Command, EngineState, EngineType, ModelRef
from bench.report import Figure
from hub.accounts import Caller
from hub.accounts.caller import Limits
from hub.jobs import Jobs
from hub.jobs.order import Line
from hub.media import Media
from hub.params import GenRequest
from hub.store import Store

SIZES = (10, 1_000, 100_000)
USERS = 100
SAMPLES = 400


class Busy:
    """An engine whose only place is taken for ever."""

    version = 0

    def states(self) -> Sequence[EngineState]:
        """One engine."""
        return (EngineState(0, "busy", "Busy", "running"),)

    def types(self) -> Sequence[EngineType]:
        """Nothing of interest."""
        return ()

    def send(self, engine_id: int, command: Command) -> None:
        """Whatever comes is held."""


async def one_more() -> Figure:
    """Accept jobs until so many wait; at each size measure a few more, durable like all others."""
    costs = []
    with tempfile.TemporaryDirectory(prefix="hub-bench-line-") as folder:
        store = await Store.open(Path(folder) / "hub.sqlite3")
        media = Media(Path(folder) / "outputs", store.images, "0")
        jobs = Jobs(store, media, most_waiting=SIZES[-1] * 2)
        jobs.use(Busy())
        await jobs.start()
        count = 0
        for size in SIZES:
            while count < size:
                await jobs.submit(_request(count), _caller(count), watched=False)
                count += 1
            taken = []
            for _ in range(SAMPLES):
                began = time.perf_counter()
                await jobs.submit(_request(count), _caller(count), watched=False)
                taken.append(time.perf_counter() - began)
                count += 1
            costs.append(statistics.median(taken))
        await jobs.stop()
        media.close()
        await store.close()
    told = ", ".join(f"{1e6 * cost:.0f} us at {size:,}" for size, cost in zip(SIZES, costs, strict=True))
    return Figure(
        f"cost of one more queued job with {SIZES[-1]:,} waiting against {SIZES[0]}",
        costs[-1] / costs[0],
        "x",
        floor=1.5,
        aim=1.2,
        ours=told,
        peer="a list kept in order by inserting grows with its length",
    )


def fairness() -> Figure:
    """How many of ten newcomers' images are among the first eleven served beside one user's five hundred."""
    line: Line[str] = Line()
    for index in range(500):
        line.add(f"many:{index}", "need", "many", (0, 1, index))
    line.take("need")
    for number in range(10):
        line.add(f"one {number}:0", "need", f"one {number}", (0, 1, 0))
    served = [line.take("need") for _ in range(11)]
    found = float(sum(item.startswith("one") for item in served))
    return Figure(
        "of ten users with one image each, served within eleven free places beside a user with 500",
        found,
        "users",
        floor=10.0,
        aim=10.0,
        peer="0 in a line by age",
        better="higher",
    )


def _caller(number: int) -> Caller:
    return Caller(f"user{number % USERS}", "s" * 40, frozenset(), Limits(5, 32))


def _request(number: int) -> GenRequest:
    return GenRequest(
        images=1,
        model=ModelRef("folder/model.safetensors", "/nowhere"),
        model_hash="",
        prompt=f"a ready picture {number}",
        negative_prompt="",
        width=512,
        height=512,
        steps=20,
        cfg_scale=7.0,
        sampler="euler",
        scheduler="normal",
        seed=number,
    )
