"""Loads, draws, fails and frees over and over, and tells how large the process has grown; run by the tests.

Arguments: the model's folder, a LoRA, an autoencoder, a broken model's folder, a broken LoRA, rounds.
Prints a JSON list with, for every round after the first, the process's resident bytes and the bytes of
all tensors that are still alive in it.
"""

import gc
import json
import sys
from pathlib import Path
from typing import Any

import torch

from backends.contract import Free, Held, Lora, ModelRef, Submit, Work
from backends.diffusers_local.denoisers.unet import UNetDenoiser
from backends.diffusers_local.loading.shelf import Shelf
from backends.diffusers_local.loop.loop import Loop

WARM = 1


def resident() -> int:
    """Bytes of this process that are in memory, mapped files' among them."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise OSError("no VmRSS in /proc/self/status")


def alive() -> int:
    """Bytes of all tensors that somebody still holds."""
    gc.collect()
    held = {}
    for thing in gc.get_objects():
        if issubclass(type(thing), torch.Tensor) and thing.device.type == "cpu":
            storage = thing.untyped_storage()
            held[storage.data_ptr()] = storage.nbytes()
    return sum(held.values())


def fail_some_forwards() -> None:
    """The second forward of works called "fails" fails deep inside, with its tensors in the frames."""
    real = UNetDenoiser.forward

    def forward(self: UNetDenoiser, *given: Any, **named: Any) -> Any:
        said = real(self, *given, **named)
        if any(row.work.id.endswith("fails") and row.index for row in given[-1]):
            raise RuntimeError("as asked")
        return said

    UNetDenoiser.forward = forward  # type: ignore[method-assign]


class Rounds:
    """A loop, and the works of one round."""

    def __init__(self, places: list[str]) -> None:
        self.small, self.lora, self.vae, self.broken, self.bad_lora = (
            ModelRef(Path(place).name, place) for place in places
        )
        self.reports: list[object] = []
        self.loop = Loop(Shelf(torch.device("cpu"), torch.float32, 1 << 30), self.reports.append)

    def works(self, number: int) -> list[Work]:
        """Plain, under a LoRA, with another autoencoder, with a forward that fails, and two broken files."""

        def a_work(name: str, model: ModelRef = self.small, **given: Any) -> Work:
            return Work(
                f"{number}:{name}",
                "u",
                "s",
                model,
                f"a red circle {number}",
                width=64,
                height=64,
                steps=2,
                **given,
            )

        return [
            a_work("plain"),
            a_work("lora", loras=(Lora(self.lora, 0.5, 0.5),)),
            a_work("vae", vae=self.vae),
            a_work("fails", cfg_scale=1.0),
            a_work("broken", self.broken),
            a_work("bad", loras=(Lora(self.bad_lora),)),
        ]

    def play(self, number: int) -> None:
        """One round, to the end, and everything let go."""
        self.reports.clear()
        works = self.works(number)
        self.loop.inbox.extend([*(Submit(work) for work in works), Free()])
        ended = 0
        with torch.inference_mode():
            for _ in range(10_000):
                self.loop.turn()
                ended = sum(type(report).__name__ in ("Done", "Failed") for report in list(self.reports))
                if ended == len(works) and not self.loop._busy:
                    break
        assert ended == len(works), [type(report).__name__ for report in self.reports]
        self.free()

    def free(self) -> None:
        """As the command Free does, once nothing draws any more."""
        self.reports.clear()
        self.loop.inbox.append(Free())
        with torch.inference_mode():
            for _ in range(10_000):
                self.loop.turn()
                if any(isinstance(report, Held) and not report.models for report in list(self.reports)):
                    break
                self.loop.wake.wait(0.01)
        assert self.loop._shelf.size == 0, self.loop._shelf.size


def main() -> None:
    """See the module."""
    torch.set_num_threads(1)
    *places, count = sys.argv[1:]
    rounds = Rounds(places)
    fail_some_forwards()
    sizes = []
    for number in range(int(count) + WARM):
        rounds.play(number)
        if number >= WARM:
            sizes.append((resident(), alive()))
    print(json.dumps(sizes))
    rounds.loop.close()


if __name__ == "__main__":
    main()
