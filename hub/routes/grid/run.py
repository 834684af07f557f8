"""GridGenRun: one image for every combination of the axes' values."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from hub.accounts import Caller
from hub.grids import Drawn, Failed, Grids, Order, Told
from hub.jobs import Jobs
from hub.wire import Body, Stream, api, encode, kept_alive


class GridIn(Struct, frozen=True):
    """A grid: `baseParams`, `gridAxes` and `saveConfig` are objects of the body."""

    outputFolderName: Annotated[
        str, Meta(description="Name of the grid's folder below `Grids` in the caller's outputs (Web Page).")
    ]
    doOverwrite: Annotated[bool, Meta(description="Draw anew what is there already.")]
    fastSkip: Annotated[bool, Meta(description="Leave values marked `SKIP:` out of the count.")]
    generatePage: Annotated[bool, Meta(description="Write the page (Web Page).")]
    publishGenMetadata: Annotated[bool, Meta(description="Let the page tell how each image was made.")]
    dryRun: Annotated[bool, Meta(description="Only check whether all of it could be drawn.")]
    weightOrder: Annotated[
        bool, Meta(description="Draw in the order that makes engines load models least often.")
    ]
    outputType: Annotated[str, Meta(description="`Web Page`, `Just Images` or `Grid Image`.")]
    continueOnError: Annotated[bool, Meta(description="Go on with the other images when one fails.")]
    showOutputs: Annotated[bool, Meta(description="Send a frame for every image.")]
    raw: Annotated[
        Body,
        Meta(
            description="`baseParams`: parameters of all images. `gridAxes`: `[{mode, vals}]`, the parameter "
            "and its values; `||` or `,` parts them, `1, 2, .., 10` counts on, `SKIP:` keeps one undrawn. "
            "`saveConfig`: kept beside the page."
        ),
    ]


class GridDone(Struct, frozen=True):
    """The whole grid is there; the counts are ours."""

    images: int
    skipped: int
    failed: int
    success: str = "complete"


@api("GridGenRun", permission="gridgen_generate_grids", active=True, socket=True)
async def grid_gen_run(caller: Caller, given: GridIn, stream: Stream, grids: Grids, jobs: Jobs) -> GridDone:
    """Draw a grid: status and `image` frames, `{"success": "complete"}` at the end.

    All that can be refused is refused before anything is drawn, naming axis and value. The images are
    ordinary jobs of the caller, and all is drawn and written also when the socket is closed.
    """
    failed = 0
    stream.push(jobs.status_frame(jobs.counts(session=caller.session)))
    plan = await grids.plan(_order(given), caller)
    if plan.warnings:
        stream.push(encode({"keep_alive": True, "warnings": plan.warnings}))

    def tell(told: Told) -> None:
        nonlocal failed
        if isinstance(told, Drawn):
            if told.warnings:
                about = {"warnings": told.warnings, "batch_index": str(told.place)}
                stream.push(encode({"keep_alive": True, **about}))
            if given.showOutputs:
                stream.push(encode(_image(told)))
        elif isinstance(told, Failed):
            failed += 1
            if given.continueOnError:
                stream.push(encode({"error": told.text, "batch_index": str(told.place), **told.extra}))
        else:
            stream.push(jobs.status_frame(jobs.counts(session=caller.session)), key="status")

    if not given.dryRun:
        async with kept_alive(stream):
            await grids.run(plan, caller, tell)
    stream.push(jobs.status_frame(jobs.counts(session=caller.session)))
    return GridDone(len(plan.drawn) - failed, len(plan.cells) - len(plan.drawn), failed)


def _image(told: Drawn) -> dict[str, Any]:
    return {
        "image": told.url,
        "batch_index": str(told.place),
        "request_id": str(told.request_id),
        "metadata": told.metadata,
    }


def _order(given: GridIn) -> Order:
    config = given.raw.get("saveConfig")
    return Order(
        base=given.raw.get("baseParams"),
        axes=given.raw.get("gridAxes"),
        folder=given.outputFolderName,
        output=given.outputType,
        overwrite=given.doOverwrite,
        fast_skip=given.fastSkip,
        by_weight=given.weightOrder,
        page=given.generatePage,
        publish=given.publishGenMetadata,
        go_on=given.continueOnError,
        config=config if isinstance(config, dict) else None,
    )
