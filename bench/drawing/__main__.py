"""`python -m bench.drawing CASE…`: runs cases one after the other and prints a line of JSON for each.

A case is MODEL:PIXELS:USERS:KIND:ROUNDS with KIND even, mixed, previews or cancel. Started by the benches,
with OMP_NUM_THREADS set: threads are chosen before PyTorch is imported.
"""

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from backends.contract import ModelRef, Started, Work
from bench.drawing import models
from bench.drawing.asked import Round, works
from bench.drawing.one_at_a_time import StockPipeline
from bench.drawing.ours import Engine

STEPS = {"starter": 12, "mid-size": 6}
FEW_STEPS = 3
"""Where a step takes seconds: the mid-size model at 512 pixels."""
MIXED_STEPS = (8, 12, 16, 20)
MIXED_GUIDANCE = (5.0, 1.0)
WARM = {"starter": 4, "mid-size": 1}
"""Rounds until an engine has found its sizes and threads; a peer's first call is warmed by one."""


def main(cases: Sequence[str]) -> None:
    """Run them."""
    import torch

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    with tempfile.TemporaryDirectory(prefix="hub-bench-") as folder:
        engine, made, stock = Engine(), {"starter": models.starter()}, dict[str, StockPipeline]()
        for case in cases:
            name, _, _, kind, _ = case.split(":")
            if name not in made:
                made[name] = models.mid_size(Path(folder))
            if name not in stock:
                stock[name] = StockPipeline(made[name].path)
            side = _Side(engine, stock[name], made[name], case)
            told = {"case": case} | getattr(side, kind)()
            print(json.dumps(told), flush=True)
        engine.stop()


class _Side:
    """One case: both sides, in turn."""

    def __init__(self, engine: Engine, stock: StockPipeline, model: ModelRef, case: str) -> None:
        self._engine, self._stock, self._model = engine, stock, model
        self._name, pixels, users, _, rounds = case.split(":")
        self._pixels, self._users, self._rounds = int(pixels), int(users), int(rounds)
        few = (self._name, self._pixels) == ("mid-size", 512)
        self._steps = FEW_STEPS if few else STEPS[self._name]
        self._series = 0

    def _works(self, steps: Sequence[int], guidance: Sequence[float], *, previews: bool = True) -> list[Work]:
        self._series += 1
        return works(
            self._model, self._pixels, self._users, steps, guidance, previews=previews, series=self._series
        )

    def even(self) -> dict[str, Any]:
        """All ask the same."""
        return self._beside((self._steps,), (5.0,))

    def mixed(self) -> dict[str, Any]:
        """Different steps, half of them without guidance."""
        return self._beside(MIXED_STEPS, MIXED_GUIDANCE)

    def _beside(self, steps: Sequence[int], guidance: Sequence[float]) -> dict[str, Any]:
        self._stock.draw(self._works(steps, guidance)[:1])
        for _ in range(WARM[self._name]):
            self._engine.draw(self._works(steps, guidance))
        pairs = []
        for number in range(self._rounds):
            asked = self._works(steps, guidance)
            # who goes first changes: a machine that warms up or slows down favours neither
            ours_first = self._engine.draw(asked) if number % 2 == 0 else None
            peer = self._stock.draw(asked)
            pairs.append((ours_first or self._engine.draw(asked), peer))
        return {
            "speed": statistics.median(peer.seconds / ours.seconds for ours, peer in pairs),
            "first_preview": statistics.median(
                ours.first_preview / peer.first_preview for ours, peer in pairs
            ),
            "ours": _told(ours for ours, _ in pairs),
            "peer": _told(peer for _, peer in pairs),
        }

    def previews(self) -> dict[str, Any]:
        """The engine with previews and without."""
        steps = (self._steps,)
        for _ in range(WARM[self._name]):
            self._engine.draw(self._works(steps, (5.0,)))
        pairs = []
        for number in range(self._rounds):
            on_first = number % 2 == 0
            first, second = (
                self._engine.draw(self._works(steps, (5.0,), previews=previews))
                for previews in (on_first, not on_first)
            )
            pairs.append((first, second) if on_first else (second, first))
        return {
            "slower": statistics.median(on.seconds / off.seconds for on, off in pairs),
            "ours": _told(on for on, _ in pairs),
            "peer": _told(off for _, off in pairs),
        }

    def cancel(self) -> dict[str, Any]:
        """How long after a cancel the row is free, and how long a step takes meanwhile."""
        over: list[float] = []
        for number in range(self._rounds):
            asked = self._works((400,), (5.0,), previews=False)
            self._engine.submit(asked)
            for work in asked:
                self._engine.wait(Started, work.id)
            step = self._engine.step_seconds(asked[-1].id, 10 + number % 7)
            over.extend(self._engine.cancel(work.id) - step for work in asked)
            self._engine.forget()
        over.sort()
        return {"over_a_step": over[int(0.9 * len(over))], "median": statistics.median(over)}


def _told(rounds: Any) -> dict[str, float]:
    all_rounds: list[Round] = list(rounds)
    return {
        "seconds": statistics.median(one.seconds for one in all_rounds),
        "first_preview": statistics.median(one.first_preview for one in all_rounds),
    }


if __name__ == "__main__":
    main(sys.argv[1:])
