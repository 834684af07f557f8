"""A library of 100,000 models: the first look, looks at what has not changed or hardly, memory of an entry.

The peer is what nobody can do without who wants to see changed files: a bare walk with `os.scandir` that asks
the system for the time and size of every file, in the same run on the same tree.
"""

import asyncio
import gc
import json
import os
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench.report import Figure
from hub.catalog import Catalog
from hub.catalog.catalog import FILE
from hub.catalog.keep import recall
from hub.settings import load

MODELS = 100_000
IN_FOLDER = 250
BESIDE_EVERY = 10
"""Each tenth model has a preview beside it, which costs a look of its own."""
CHANGES = 10
ROUNDS = 5


async def measure() -> list[Figure]:
    """Make the tree, look at it again and again, and take it away."""
    with tempfile.TemporaryDirectory(prefix="hub-bench-library-") as place:
        data = Path(place) / "data"
        top = data / "models" / "LoRA"
        _fill(top)
        _walk(top)  # so that nobody pays for the disk's first reads
        catalog = Catalog(load(data))
        first = await _timed(catalog.refresh)
        walk = statistics.median(_walk(top) for _ in range(ROUNDS))
        same = statistics.median([await _timed(catalog.refresh) for _ in range(ROUNDS)])
        version = catalog.version
        changed = []
        for number in range(ROUNDS):
            _change(top, number)
            changed.append(await _timed(catalog.refresh))
        if catalog.version != version + ROUNDS:
            raise RuntimeError(f"{ROUNDS} changes were made and {catalog.version - version} seen")
        few = statistics.median(changed)
        again = await _timed(Catalog(load(data)).refresh)
        bytes_each = _memory(data / FILE)
    bare = f"{walk:.2f} s by a bare os.scandir walk with the time and size of each file"
    return [
        _ratio(f"first look at {MODELS} models", first, walk, bare, floor=25.0, aim=15.0),
        _ratio("look that finds nothing changed", same, walk, bare, floor=3.5, aim=2.5),
        _ratio(f"look that finds {CHANGES} changes", few, walk, bare, floor=6.0, aim=4.0),
        _ratio("look after a restart", again, walk, bare, floor=10.0, aim=6.0),
        Figure(
            "memory of a model",
            bytes_each,
            "bytes",
            floor=4000.0,
            aim=2500.0,
            ours=f"{bytes_each * MODELS / 2**20:.0f} MiB for {MODELS} models",
        ),
    ]


def _ratio(what: str, ours: float, walk: float, peer: str, *, floor: float, aim: float) -> Figure:
    return Figure(what, ours / walk, "x", floor=floor, aim=aim, ours=f"{ours:.2f} s", peer=peer)


def _fill(top: Path) -> None:
    """Small files with a true header: the size of their tensors is nothing to a scan."""
    for number in range(MODELS):
        folder = top / f"{number // (IN_FOLDER * 20):02}" / f"{number // IN_FOLDER:04}"
        if number % IN_FOLDER == 0:
            folder.mkdir(parents=True)
        _write(folder / f"model {number:06}.safetensors", number)
        if number % BESIDE_EVERY == 0:
            (folder / f"model {number:06}.jpg").write_bytes(b"picture")


def _write(path: Path, number: int) -> None:
    notes = {
        "modelspec.title": f"Model {number}",
        "modelspec.architecture": "stable-diffusion-xl-v1-base/lora",
    }
    tensor = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    text = json.dumps({"__metadata__": notes, "weight": tensor}).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"\0\0\0\0")


def _change(top: Path, round_number: int) -> None:
    """Add, change and take away, ten together."""
    folder = top / "00" / f"{round_number:04}"
    for number in range(CHANGES - 6):
        _write(folder / f"new {number}.safetensors", number)
    for path in sorted(folder.glob("model *.safetensors"))[: CHANGES - 7]:
        _write(path, 7_000_000 + round_number)
    for path in sorted(folder.glob("model *.safetensors"))[-(CHANGES - 7) :]:
        path.unlink()


def _walk(top: Path) -> float:
    began = time.perf_counter()
    waiting = [str(top)]
    while waiting:
        with os.scandir(waiting.pop()) as listing:
            for child in listing:
                if child.is_dir():
                    waiting.append(child.path)
                else:
                    child.stat()
    return time.perf_counter() - began


async def _timed(work: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


def _memory(file: Path) -> float:
    """Bytes of an entry, from what is kept between starts."""
    gc.collect()
    tracemalloc.start()
    shelves = recall(file)
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return held / max(1, sum(len(entries) for entries in shelves.values()))


if __name__ == "__main__":
    from bench.report import table

    print(table("library", asyncio.run(measure())))
