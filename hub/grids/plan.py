"""From what a client asks to a grid that can be drawn whole: every refusal happens here."""

import asyncio
from collections.abc import Mapping
from itertools import islice
from typing import Any, Literal, get_args

import msgspec
from msgspec import Struct

from hub.accounts import Caller
from hub.errors import BadInput, HubError
from hub.grids.axes import Axis, read_axes
from hub.grids.cells import Cell, cells, guilty, in_words, settings_of
from hub.grids.page import FOLDER, PAGE
from hub.grids.picture import check_axes
from hub.jobs import Intake, Jobs
from hub.media import Media, clean_path
from hub.params import GenRequest, Registry, letters, over_of
from hub.params.request import Keeping
from hub.settings import Limits

Output = Literal["Web Page", "Just Images", "Grid Image"]
MOST_PICTURES = 512 << 20
"""Bytes of start pictures, masks and the like that a grid's images may carry together."""

_DEEP = 100
_MOST_WARNINGS = 20
_IN_ONE_GO = 10  # cells read before others have their turn
_NOT_OF_CELLS = frozenset(("images", "batchsize", "outputintermediateimages"))


class Order(Struct, frozen=True):
    """A grid as it is asked for: `base` parameters and `axes` as they were sent, the name of its `folder`.
    `overwrite` draws anew what is there, `fast_skip` leaves skipped values out altogether, `by_weight` draws
    in the order that is least work, `go_on` after failures. `config` is kept beside the page."""

    base: Any
    axes: Any
    folder: str = ""
    output: str = "Web Page"
    overwrite: bool = False
    fast_skip: bool = False
    by_weight: bool = True
    page: bool = True
    publish: bool = True
    go_on: bool = False
    config: Mapping[str, Any] | None = None


class Plan(Struct, frozen=True):
    """A grid that can be drawn: every cell in order, and those `drawn` with their requests. `folder` is where
    below the user's outputs, "" when its images go where the user's images always go."""

    order: Order
    axes: tuple[Axis, ...]
    cells: tuple[Cell, ...]
    drawn: tuple[tuple[Cell, GenRequest], ...]
    folder: str

    @property
    def title(self) -> str:
        """What people read."""
        return self.folder.rpartition("/")[2]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was left out of its images' requests, a sentence each."""
        told = (warning for _, request in self.drawn for warning in request.warnings)
        return tuple(islice(dict.fromkeys(told), _MOST_WARNINGS))


class Planner:
    """Makes plans; a grid may have as many images as `limits` say at that moment."""

    def __init__(self, registry: Registry, intake: Intake, jobs: Jobs, media: Media, limits: Limits) -> None:
        self._registry = registry
        self._intake = intake
        self._jobs = jobs
        self._media = media
        self._limits = limits

    async def plan(self, order: Order, caller: Caller) -> Plan:
        """The grid of an order. Raises HubError or BadInput; one of a cell names axis and value."""
        if order.output not in get_args(Output):
            raise BadInput(
                f"Invalid output type '{order.output[:80]}'.",
                field="outputType",
                limit=list(get_args(Output)),
            )
        base = _base(order.base)
        axes = read_axes(order.axes, self._registry.find)
        if order.output == "Grid Image":
            check_axes(axes)
        folder = self.folder(caller.user, order.folder) if order.output == "Web Page" else ""
        whole = cells(
            axes, by_weight=order.by_weight, all_values=not order.fast_skip, most=self._limits.images
        )
        wanted = [cell for cell in whole if not self._passed_over(cell, order, folder, caller.user)]
        drawn = await self._requests(wanted, axes, base, folder, caller)
        return Plan(order, axes, tuple(whole), tuple(drawn), folder)

    def folder(self, user: str, name: str) -> str:
        """Where a grid of this name lies below the user's outputs. Raises BadInput."""
        bare = "".join(letter for letter in name if letter not in "[]/\\.").strip()
        if not bare or clean_path(bare) == "unnamed":
            raise BadInput(
                "Output folder name cannot be empty.", field="outputFolderName", limit="letters or digits"
            )
        return f"{self.home(user)}/{clean_path(bare)[:80].strip()}"

    def home(self, user: str) -> str:
        """The folder of all of a user's grids; where users share one folder each has one of his own in it."""
        return FOLDER if self._media.outputs.append_user else f"{FOLDER}/{user}"

    def exists(self, user: str, name: str) -> bool:
        """Whether a grid of this name has its page. Raises BadInput."""
        return self._media.outputs.inside(user, f"{self.folder(user, name)}/{PAGE}").is_file()

    def _passed_over(self, cell: Cell, order: Order, folder: str, user: str) -> bool:
        """Whether a cell is not drawn: marked so, or there already."""
        if cell.skip or order.overwrite or not folder:
            return cell.skip
        return self._media.kept_as(user, f"{folder}/{cell.path}") is not None

    async def _requests(
        self, wanted: list[Cell], axes: tuple[Axis, ...], base: Mapping[str, Any], folder: str, caller: Caller
    ) -> list[tuple[Cell, GenRequest]]:
        found: list[tuple[Cell, GenRequest]] = []
        pictures: dict[bytes, bytes] = {}
        weight = 0
        for count, cell in enumerate(wanted):
            if count % _IN_ONE_GO == 0:
                await asyncio.sleep(0)  # a large grid must not keep everybody else waiting
            try:
                over = over_of(settings_of(axes, cell))
                request = await self._intake.read(base, caller, over=over)
                _check_presets(request, over.presets)
                self._jobs.check(request, caller, len(wanted))
            except HubError as refusal:
                raise _named(refusal, axes, cell) from refusal
            request = _settled(_shared(request, pictures), folder, cell)
            weight += sum(map(len, _pictures(request)))
            if weight > MOST_PICTURES:
                raise HubError(
                    f"The pictures that this grid's {len(wanted)} images start from come to more than "
                    f"{MOST_PICTURES >> 20} MiB. Use fewer values or smaller pictures.",
                    field="gridAxes",
                    limit=MOST_PICTURES,
                )
            found.append((cell, request))
        return found


def deep(caller: Caller) -> Caller:
    """The caller with a right to as many folders as a grid's files need: they never leave its own."""
    limits = msgspec.structs.replace(caller.limits, max_outpath_depth=_DEEP)
    return msgspec.structs.replace(caller, limits=limits)


def _base(given: Any) -> dict[str, Any]:
    """The parameters that all cells share."""
    if not isinstance(given, dict):
        raise BadInput(
            "Invalid value for parameter 'baseParams': it must be an object of parameters.",
            field="baseParams",
            limit="an object",
        )
    kept = {key: value for key, value in given.items() if letters(key) not in _NOT_OF_CELLS}
    return {**kept, "images": 1}


def _check_presets(request: GenRequest, titles: tuple[str, ...]) -> None:
    missing = [title for title in request.extra.get("presets_not_found", ()) if title in titles]
    if missing:
        raise BadInput(
            f"You have no preset '{missing[0]}'.", field="gridgenpresets", limit="a preset's title"
        )


def _named(refusal: HubError, axes: tuple[Axis, ...], cell: Cell) -> HubError:
    """The refusal of a cell, which says where in the grid it is."""
    found = guilty(axes, cell, refusal.extra)
    if found is None:
        return HubError(f"At {in_words(axes, cell)}: {refusal.text}", **refusal.extra)
    axis, value = found
    return HubError(
        f"Invalid axis '{axis}': value '{value}': {refusal.text}",
        **(refusal.extra | {"axis": axis, "value": value}),
    )


def _settled(request: GenRequest, folder: str, cell: Cell) -> GenRequest:
    """The request with the place of its picture, where that is the grid's."""
    if not folder:
        return request
    keeping: Keeping = msgspec.structs.replace(request.keeping, overwrite=True)
    return msgspec.structs.replace(request, path_format=f"{folder}/{cell.path}", save=True, keeping=keeping)


def _pictures(request: GenRequest) -> list[bytes]:
    images = (control.image for control in request.controls)
    return [data for data in (request.init_image, request.mask, *images) if data]


def _shared(request: GenRequest, pictures: dict[bytes, bytes]) -> GenRequest:
    """The same request; pictures that others of the grid have too lie in memory once."""
    if not _pictures(request):
        return request

    def one(data: bytes | None) -> bytes | None:
        return None if data is None else pictures.setdefault(data, data)

    controls = tuple(msgspec.structs.replace(each, image=one(each.image)) for each in request.controls)
    return msgspec.structs.replace(
        request, init_image=one(request.init_image), mask=one(request.mask), controls=controls
    )
