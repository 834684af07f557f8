"""Graphs that are kept on the server under a name, for everybody who may read them."""

import re
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from hub.accounts import Caller
from hub.errors import BadInput
from hub.wire import Body, Done, Nothing, api
from hub.workflows import StoredWorkflow, WorkflowHead, Workflows

LONGEST_PICTURE = 2 << 20
"""Characters of a picture's data URL."""

_PICTURE = re.compile(r"data:image/(png|jpeg|webp|gif);base64,[A-Za-z0-9+/=]+")
_TEXTS = ("workflow", "prompt", "custom_params", "param_values")


class SaveIn(Struct, frozen=True):
    """A workflow: what ComfyUI's page saves (`workflow`), its graph in API format (`prompt`), and what may be
    set in it (`custom_params`, `param_values`), each as JSON text or as an object."""

    name: Annotated[str, Meta(description="Its name; folders are parted by /.")]
    raw: Annotated[
        Body,
        Meta(description="`workflow`, `prompt`, `custom_params`, `param_values`: JSON; `image`: a data URL."),
    ]
    description: Annotated[str, Meta(max_length=10_000)] = ""
    enable_in_simple: bool = False
    replace: Annotated[str | None, Meta(description="Name of another workflow that this one replaces.")] = (
        None
    )


class NameIn(Struct, frozen=True):
    """Which workflow."""

    name: str


class WorkflowOut(Struct, frozen=True):
    """A workflow; the first four are JSON texts."""

    workflow: str
    prompt: str
    custom_params: str
    param_values: str
    image: str
    description: str
    enable_in_simple: bool


class ReadOut(Struct, frozen=True):
    """The workflow."""

    result: WorkflowOut


class ListOut(Struct, frozen=True):
    """What a list shows of each workflow, by name."""

    workflows: list[WorkflowHead]


@api("ComfySaveWorkflow", permission="comfy_edit_workflows", active=True)
async def save_workflow(caller: Caller, given: SaveIn, workflows: Workflows) -> Done:
    """Store a workflow over the one of its name."""
    texts = {key: _text(given.raw.get(key), key) for key in _TEXTS}
    stored = StoredWorkflow(
        given.name,
        **texts,
        image=_picture(given.raw.get("image")),
        description=given.description,
        enable_in_simple=given.enable_in_simple,
    )
    await workflows.save(stored, given.replace or "")
    return Done()


@api("ComfyReadWorkflow", permission="comfy_read_workflows")
async def read_workflow(caller: Caller, given: NameIn, workflows: Workflows) -> ReadOut:
    """Answer a stored workflow."""
    found = await workflows.read(given.name)
    return ReadOut(
        WorkflowOut(
            found.workflow,
            found.prompt,
            found.custom_params,
            found.param_values,
            found.image,
            found.description,
            found.enable_in_simple,
        )
    )


@api("ComfyListWorkflows", permission="comfy_read_workflows")
async def list_workflows(caller: Caller, given: Nothing, workflows: Workflows) -> ListOut:
    """List the stored workflows."""
    return ListOut(workflows.heads())


@api("ComfyDeleteWorkflow", permission="comfy_edit_workflows", active=True)
async def delete_workflow(caller: Caller, given: NameIn, workflows: Workflows) -> Done:
    """Delete a stored workflow."""
    await workflows.delete(given.name)
    return Done()


def _text(value: object, field: str) -> str:
    """A JSON text as it is, an object as its text. Raises BadInput for what is no JSON."""
    if not isinstance(value, str):
        return "" if value is None else msgspec.json.encode(value).decode()
    try:
        msgspec.json.decode(value or "null")
    except (msgspec.DecodeError, UnicodeEncodeError) as wrong:
        raise BadInput(f"'{field}' must be JSON: {wrong}.", field=field) from wrong
    return value


def _picture(value: object) -> str:
    if value in (None, ""):
        return ""
    if not isinstance(value, str) or len(value) > LONGEST_PICTURE or not _PICTURE.fullmatch(value):
        raise BadInput(
            "'image' must be a data URL of a PNG, JPEG, WebP or GIF picture of at most "
            f"{LONGEST_PICTURE >> 20} MiB.",
            field="image",
            limit=LONGEST_PICTURE,
        )
    return value
