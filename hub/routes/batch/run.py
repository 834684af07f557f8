"""ImageBatchRun: every picture of a folder through one generation."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from hub.accounts import Caller
from hub.batches import Batches, Drawn, Failed, Order, Told
from hub.jobs import Jobs
from hub.wire import Body, Stream, api, encode, kept_alive


class BatchIn(Struct, frozen=True):
    """A batch; `baseParams` is an object of the body."""

    input_folder: Annotated[
        str,
        Meta(
            description="Folder below the caller's outputs whose pictures are used, or a whole path that the "
            "setting folders.batches allows.",
            max_length=4096,
        ),
    ]
    output_folder: Annotated[
        str, Meta(description="Folder below the caller's outputs for the results.", max_length=1024)
    ]
    init_image: Annotated[bool, Meta(description="Use each picture as the Init Image.")]
    revision: Annotated[bool, Meta(description="Use each picture as a part of the prompt.")]
    controlnet: Annotated[bool, Meta(description="Use each picture for the chosen ControlNets.")]
    resMode: Annotated[
        str,
        Meta(
            description="`From Parameter`, `From Image`, `Scale To Model`, `Scale To Model Or Above` or "
            "`Scale To Side Length`."
        ),
    ]
    append_filename_to_prompt: Annotated[
        bool, Meta(description="Put each file's name without ending behind the prompt.")
    ]
    raw: Annotated[Body, Meta(description="`baseParams`: parameters of all images.")]
    side_length: Annotated[int, Meta(description="For `Scale To Side Length`, in pixels.")] = 1024


class BatchDone(Struct, frozen=True):
    """The whole batch is done; the counts are ours."""

    images: int
    failed: int
    success: str = "complete"


@api("ImageBatchRun", permission="imagebatcher_use_image_batcher", active=True, socket=True)
async def image_batch_run(
    caller: Caller, given: BatchIn, stream: Stream, batches: Batches, jobs: Jobs
) -> BatchDone:
    """Run a batch: status and `image` frames, an `error` frame for each file that fails, at the end
    `{"success": "complete"}`.

    A few files are in line at a time. Results are named like their files and come into the history. All of
    it is done also when the socket is closed.
    """
    images = failed = 0
    stream.push(jobs.status_frame(jobs.counts(session=caller.session)))
    plan = await batches.plan(_order(given), caller)
    if plan.warnings:
        stream.push(encode({"keep_alive": True, "warnings": plan.warnings}))

    def tell(told: Told) -> None:
        nonlocal images, failed
        if isinstance(told, Drawn):
            images += 1
            if told.warnings:
                about = {"file": told.file, "batch_index": str(told.place)}
                stream.push(encode({"keep_alive": True, "warnings": told.warnings, **about}))
            stream.push(encode(_image(told)))
        elif isinstance(told, Failed):
            failed += 1
            about = {"file": told.file, "batch_index": str(told.place)}
            stream.push(encode({"error": told.text, **about, **told.extra}))
        else:
            stream.push(jobs.status_frame(jobs.counts(session=caller.session)), key="status")

    async with kept_alive(stream):
        await batches.run(plan, caller, tell)
    stream.push(jobs.status_frame(jobs.counts(session=caller.session)))
    return BatchDone(images, failed)


def _image(told: Drawn) -> dict[str, Any]:
    return {
        "image": told.url,
        "batch_index": str(told.place),
        "request_id": str(told.request_id),
        "metadata": told.metadata,
        "file": told.file,
    }


def _order(given: BatchIn) -> Order:
    return Order(
        base=given.raw.get("baseParams"),
        source=given.input_folder,
        target=given.output_folder,
        mode=given.resMode,
        init_image=given.init_image,
        revision=given.revision,
        controlnet=given.controlnet,
        append_name=given.append_filename_to_prompt,
        side=given.side_length,
    )
