"""A LoRA out of the difference of two models: DoLoraExtractionWS."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from backends.extracting import MOST_RANK, Extracted, NotExtracted, Step, extract
from hub.accounts import Caller
from hub.catalog import Extraction, Wanted
from hub.wire import Stream, api, encode


class ExtractionIn(Struct, frozen=True):
    """Two models of one architecture and the LoRA to be."""

    baseModel: Annotated[str, Meta(description="Name of the model that the other one was made from.")]
    otherModel: Annotated[str, Meta(description="Name of the tuned model.")]
    rank: Annotated[
        int,
        Meta(
            ge=1,
            le=MOST_RANK,
            description="Ranks of the LoRA: more are nearer to the tuned model, and a larger file.",
        ),
    ]
    outName: Annotated[str, Meta(description="Name of the LoRA, with `/` between folders.")]


class ExtractionFrame(Struct, frozen=True):
    """How far it is, in words; ours: `current_percent`, 0 to 1."""

    status: str
    current_percent: float


class ExtractionOut(Struct, frozen=True):
    """Done. Ours: the LoRA's whole `name`, its `bytes`, the part of the models' difference that it `held`
    (0 to 1), and how many tensors that no LoRA can change were `left_out`."""

    status: str
    name: str
    bytes: int
    held: float
    left_out: int
    complete: bool = True


@api("DoLoraExtractionWS", permission="extra_loras", active=True, socket=True)
async def extract_lora(
    caller: Caller, given: ExtractionIn, extraction: Extraction, stream: Stream
) -> ExtractionOut | None:
    """Makes a LoRA of what a tuned model has beyond its base model, nearest for its rank, telling the
    progress.

    It runs in a process of its own, with one tensor of each model in memory. Closing the socket ends it and
    leaves nothing.
    """
    made: list[Extracted] = []

    async def one(base: Path, tuned: Path, target: Path, about: Mapping[str, str]) -> str | None:
        try:
            made.append(await extract(base, tuned, target, given.rank, about, tell))
        except NotExtracted as why:
            return str(why)
        return None

    def tell(step: Step) -> None:
        stream.push(encode(_frame(step)), key="progress")

    stream.push(encode(ExtractionFrame("Comparing the models.", 0.0)), key="progress")
    wanted = Wanted(given.baseModel, given.otherModel, given.outName)
    work = asyncio.ensure_future(extraction.run(wanted, caller, one))
    stream.on_close(lambda: _end(work))
    try:
        name = await work
    except asyncio.CancelledError:
        if stream.closed:
            return None
        raise
    finally:
        work.cancel()
    told = made[-1]
    return ExtractionOut(_words(name, told), name, told.bytes, round(told.held, 4), told.left_out)


def _end(work: "asyncio.Future[str]") -> None:
    work.cancel()


def _frame(step: Step) -> ExtractionFrame:
    if step.done:
        return ExtractionFrame(f"Extracted {step.done} of {step.of} modules.", step.done / max(1, step.of))
    return ExtractionFrame(f"Compared {step.compared} of {step.of} tensors.", 0.0)


def _words(name: str, told: Extracted) -> str:
    text = f"Extracted '{name}', which holds {told.held:.1%} of the difference."
    if told.left_out:
        text += f" {told.left_out} tensors differ that no LoRA can change; they were left out."
    return text
