"""Fetching a model from elsewhere: DoModelDownloadWS."""

import asyncio
from typing import Annotated, Any

from msgspec import Meta, Struct

from hub.accounts import Caller
from hub.catalog import read_notes
from hub.downloads import Done, Downloads, Order, Progress
from hub.errors import BadInput
from hub.wire import Closed, Stream, api, encode

OVERALL = 0.2
"""What SwarmUI sends under `overall_percent`, whatever the progress; its page draws one bar from both."""


class DownloadIn(Struct, frozen=True):
    """What to fetch and where to put it."""

    url: Annotated[
        str,
        Meta(
            description="An address (of a file, or a page of Hugging Face or Civitai), or a short form: "
            "`hf:owner/repository/file.safetensors`, `civitai:<version>`."
        ),
    ]
    type: Annotated[str, Meta(description="Kind of models, like Stable-Diffusion or LoRA.")]
    name: Annotated[
        str, Meta(description="Name of the new model, with `/` between folders; empty takes the file's.")
    ]
    metadata: Annotated[
        str | None, Meta(description="A JSON object of ModelSpec entries to keep beside the model.")
    ] = None


class DownloadFrame(Struct, frozen=True):
    """How far it is: `current_percent` 0 to 1; the keys from `state` on are ours."""

    current_percent: float
    per_second: float
    state: str
    name: str
    received: int
    size: int | None
    sha256: str
    license: str
    overall_percent: float = OVERALL


class Downloaded(Struct, frozen=True):
    """Done: the model's name and the SHA-256 of its file."""

    name: str
    sha256: str
    success: bool = True


@api("DoModelDownloadWS", permission="download_models", active=True, socket=True)
async def do_model_download_ws(
    caller: Caller, given: DownloadIn, downloads: Downloads, stream: Stream
) -> Downloaded | None:
    """Downloads a model, telling the progress; `{"signal": "cancel"}` stops it and leaves nothing.

    A closed socket does not stop it: asking for the same again joins it. One that broke off goes on from
    where it was when it is asked for again.
    """

    def hear(progress: Progress) -> None:
        stream.push(encode(_frame(progress)), key="progress")

    notes = read_notes(given.metadata, field="metadata") if given.metadata else {}
    order = Order(given.url, given.type, given.name, notes)
    ended = asyncio.ensure_future(await downloads.watch(order, caller, hear))
    signals = asyncio.create_task(_obey(stream, downloads, hear))
    try:
        await asyncio.wait({ended, signals}, return_when=asyncio.FIRST_COMPLETED)
        if not ended.done():
            return None
        done: Done = ended.result()
        return Downloaded(done.name, done.sha256)
    finally:
        downloads.leave(hear)
        signals.cancel()
        ended.cancel()


async def _obey(stream: Stream, downloads: Downloads, hear: Any) -> None:
    """Read what the client sends until it leaves."""
    while True:
        try:
            frame = await stream.receive()
        except Closed:
            return
        except BadInput as wrong:
            stream.push(encode({"warning": wrong.text}))
            continue
        if frame.get("signal") == "cancel":
            downloads.cancel(hear)


def _frame(progress: Progress) -> DownloadFrame:
    size = progress.size
    return DownloadFrame(
        current_percent=min(1.0, progress.received / size) if size else 0.0,
        per_second=round(progress.per_second, 1),
        state=progress.state,
        name=progress.name,
        received=progress.received,
        size=size,
        sha256=progress.sha256,
        license=progress.license,
    )
