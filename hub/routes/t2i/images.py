"""The caller's finished images: list, star, delete (swarm-api §7)."""

import asyncio
import time
from collections.abc import Mapping
from typing import Annotated, Any
from uuid import uuid4

import msgspec
from msgspec import Meta, Struct

from backends.contract import Image, ModelRef
from hub.accounts import Accounts, Caller
from hub.errors import BadInput, HubError
from hub.jobs import Intake, Jobs
from hub.media import (
    BadMark,
    BadPicture,
    Finished,
    Listing,
    Media,
    NoSuchFolder,
    NoSuchImage,
    NotSaved,
    Wanted,
    occasion_of,
    read_picture,
)
from hub.params import GenRequest, letters, preset_titles, spread
from hub.settings import Limits
from hub.store import TooLong
from hub.wire import Body, api

NOT_SAVED = "Server failed to save an image."
NO_FILE = "That file does not exist, cannot delete."
NO_STAR = "That file does not exist, cannot star."
NO_FOLDER = "404, path not found."
BAD_MARK = "Invalid value for parameter 'before': it must be the `next` of a list in the same order."
_CHOSEN = frozenset(
    ("seed", "variationseed", "wildcardseed", "model", "loras", "loraweights", "loratencweights")
)
_MADE_BY_TAGS = frozenset(
    ("original_prompt", "original_negativeprompt", "used_wildcards", "used_embeddings", "prompted_loras")
)
TOO_LONG = "That search takes too long. Use rarer words, or narrow it to a folder."


class ListImagesIn(Struct, frozen=True):
    """Which folder, how deep, in which order."""

    path: Annotated[str, Meta(description="Folder below the caller's outputs; empty: all of them.")]
    depth: Annotated[int, Meta(description="How many levels of folders are read.")]
    sortBy: Annotated[str, Meta(description="Name or Date.")] = "Name"
    sortReverse: Annotated[bool, Meta(description="Oldest or lowest first.")] = False
    search: Annotated[
        str,
        Meta(
            description="Ours: only images whose prompt has these words, each whole or as a beginning. "
            '"Words in quotes" as they stand, -words not at all.',
            max_length=1000,
        ),
    ] = ""
    starred: Annotated[bool, Meta(description="Ours: only starred images.")] = False
    limit: Annotated[
        int, Meta(description="Ours: images of one page; 0 for the user's own limit.", ge=0, le=10_000)
    ] = 0
    before: Annotated[
        str, Meta(description="Ours: `next` of the page before, to go on behind it.", max_length=4096)
    ] = ""


class PathIn(Struct, frozen=True):
    """One image."""

    path: Annotated[str, Meta(description="Path below the caller's outputs.", max_length=4096)]


class StarOut(Struct, frozen=True):
    """Whether the image is starred now."""

    new_state: bool


@api("ListImages", permission="view_image_history")
async def list_images(caller: Caller, given: ListImagesIn, media: Media, accounts: Accounts) -> Listing:
    """List the caller's images and folders below a folder.

    Newest name first; folders at the deepest level are named but not read.
    """
    if given.sortBy not in ("Name", "Date"):
        raise BadInput(f"Invalid sort mode '{given.sortBy[:40]}'.", field="sortBy", limit=["Name", "Date"])
    most, scanned = (
        int(str(accounts.preferences.value(caller.user, key)))
        for key in ("maximagesinhistory", "maximagesscannedinhistory")
    )
    wanted = Wanted(
        given.path,
        given.depth,
        by_date=given.sortBy == "Date",
        reverse=given.sortReverse,
        most=min(given.limit, most) if given.limit else most,
        scanned=scanned,
        before=given.before,
        starred=given.starred,
        search=given.search.strip(),
    )
    if not given.before:
        media.finder.look(caller.user)
    try:
        return await media.gallery.browse(caller.user, wanted)
    except NoSuchFolder as missing:
        raise HubError(NO_FOLDER, field="path") from missing
    except BadMark as bad:
        raise BadInput(BAD_MARK, field="before", limit="`next` of an answer in the same order") from bad
    except TooLong as long:
        raise HubError(TOO_LONG, field="search") from long


@api("ToggleImageStarred", permission="user_star_images", active=True)
async def toggle_image_starred(caller: Caller, given: PathIn, media: Media, accounts: Accounts) -> StarOut:
    """Star an image by a copy under `Starred/`, or take the star back."""
    try:
        flat = bool(accounts.preferences.value(caller.user, "starnofolders"))
        return StarOut(await media.gallery.toggle_star(caller.user, given.path, flat=flat))
    except NoSuchImage as missing:
        raise HubError(NO_STAR, field="path") from missing


@api("DeleteImage", permission="user_delete_image", active=True)
async def delete_image(caller: Caller, given: PathIn, media: Media) -> dict[str, bool]:
    """Delete an image of the caller, with the files beside it and its place in the history."""
    try:
        await media.gallery.delete(caller.user, given.path)
    except NoSuchImage as missing:
        raise HubError(NO_FILE, field="path") from missing
    except OSError as trouble:
        raise HubError(f"The file could not be deleted: {trouble.strerror}.", field="path") from trouble
    return {"success": True}


class AddImageIn(Struct, frozen=True):
    """A picture made elsewhere, with the parameters it was made with."""

    image: Annotated[str, Meta(description="The picture as a data URL (PNG, JPEG or WebP).")]
    raw: Annotated[Body, Meta(description="Parameters by id, for the metadata and the path.")]


class AddedImage(Struct, frozen=True):
    """One image as it is in the history now."""

    image: str
    batch_index: str
    request_id: str
    metadata: str | None


class AddImageOut(Struct, frozen=True):
    """The one image that was added."""

    images: list[AddedImage]


@api("AddImageToHistory", permission="basic_image_generation", active=True)
async def add_image_to_history(
    caller: Caller,
    given: AddImageIn,
    jobs: Jobs,
    intake: Intake,
    media: Media,
    limits: Limits,
    accounts: Accounts,
) -> AddImageOut:
    """Put a picture into the caller's history as if it had been generated with the given parameters."""
    try:
        picture = await asyncio.to_thread(read_picture, given.image, limits.image_megapixels)
    except BadPicture as bad:
        raise BadInput(str(bad), field="image", limit=bad.limit) from bad
    waiting = jobs.counts(user=caller.user).waiting_gens
    jobs.admission.demand_room(caller, waiting + 1, len(picture.data))
    raw: dict[str, Any] = {**given.raw, "images": 1}
    del raw["image"]
    request = only_given(await intake.read(raw, caller, tags=False), _named(raw, caller, accounts))
    job, number, now = uuid4().hex, jobs.next_number(caller.user), time.time()
    work = spread(request, job, caller.user, caller.session)[0]
    finished = Finished(
        job=job,
        index=0,
        user=caller.user,
        request=request,
        work=msgspec.structs.replace(work, width=picture.width, height=picture.height),
        image=Image(f"{job}:0", picture.data, picture.format),
        occasion=occasion_of(now, number % 1000, 0, caller.user),
        prepare_seconds=None,
        created=int(now * 1000),
        depth=caller.limits.max_outpath_depth,
        unsafe=caller.limits.allow_unsafe_outpaths,
    )
    try:
        saved = await media.save(finished)
    except NotSaved as trouble:
        raise HubError(NOT_SAVED, detail=str(trouble)) from trouble
    return AddImageOut([AddedImage(saved.url, "0", str(number), saved.metadata)])


def _named(raw: Mapping[str, Any], caller: Caller, accounts: Accounts) -> frozenset[str]:
    """The parameters that are given a value, by the request itself or by one of its presets."""
    named = {letters(key) for key, value in raw.items() if value not in (None, "", -1, "-1")}
    for title in preset_titles(raw):
        row = accounts.presets.get(caller.user, title)
        named |= {letters(key) for key in row.param_map} if row is not None else set()
    return frozenset(named)


def only_given(request: GenRequest, named: frozenset[str]) -> GenRequest:
    """Without what the hub would have drawn it with: it did not draw this picture and does not know.

    The model's defaults go, a seed and a model nobody named, what tags of the prompt would have come to.
    """
    unknown = set(request.defaults_used) | (_CHOSEN - named)
    given = {key: value for key, value in request.given.items() if key not in unknown}
    prompts = {
        "prompt": str(request.extra.get("original_prompt", request.prompt)),
        "negativeprompt": str(request.extra.get("original_negativeprompt", request.negative_prompt)),
    }
    given |= {key: text for key, text in prompts.items() if key in given}
    return msgspec.structs.replace(
        request,
        given=given,
        extra={key: value for key, value in request.extra.items() if key not in _MADE_BY_TAGS},
        prompt=prompts["prompt"],
        negative_prompt=prompts["negativeprompt"],
        other_models=tuple(model for model in request.other_models if model.param in given),
        fills=(),
        keeping=msgspec.structs.replace(request.keeping, stealth=""),  # its pixels stay what they were
        model=request.model if "model" in given else ModelRef("", ""),
        model_title=request.model_title if "model" in given else "",
        variation_seed=request.variation_seed if "variationseed" in given else None,
    )
