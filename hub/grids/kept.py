"""A grid's plan as bytes and back, for a restart. What many images start from is written once."""

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct

from hub.grids.axes import Axis, Value
from hub.grids.cells import Cell
from hub.grids.plan import Order, Plan
from hub.params import GenRequest, Param


class _Kept(Struct, frozen=True):
    """`axes` are the ids of their parameters with their values; each of `cells` has the places of its values
    on them, `drawn` are places among the cells with requests whose pictures are in `pictures` by digest."""

    order: Order
    axes: tuple[tuple[str, tuple[Value, ...]], ...]
    cells: tuple[tuple[Value, ...], ...]
    drawn: tuple[tuple[int, GenRequest], ...]
    folder: str
    pictures: Mapping[str, bytes]


def write_plan(plan: Plan) -> bytes:
    """The plan as bytes, without what only its checks needed; for a thread."""
    pictures: dict[str, bytes] = {}

    def away(data: bytes) -> bytes:
        digest = sha256(data).hexdigest()
        pictures[digest] = data
        return digest.encode()

    places = {cell.path: place for place, cell in enumerate(plan.cells)}
    drawn = tuple((places[cell.path], _with_pictures(request, away)) for cell, request in plan.drawn)
    kept = _Kept(
        msgspec.structs.replace(plan.order, base=None, axes=None),
        tuple((axis.param.id, axis.values) for axis in plan.axes),
        tuple(cell.values for cell in plan.cells),
        drawn,
        plan.folder,
        pictures,
    )
    return msgspec.msgpack.encode(kept)


def read_plan(data: bytes, find: Callable[[str], Param | None]) -> Plan:
    """The plan again. `find` knows the parameters. Raises ValueError when it is of another version."""
    try:
        kept = msgspec.msgpack.decode(data, type=_Kept)
    except msgspec.MsgspecError as trouble:
        raise ValueError(str(trouble)) from trouble
    axes = []
    for key, values in kept.axes:
        param = find(key)
        if param is None:
            raise ValueError(f"there is no parameter {key} any more")
        axes.append(Axis(param, values))
    cells = tuple(Cell(values) for values in kept.cells)

    def back(digest: bytes) -> bytes:
        return kept.pictures[digest.decode()]

    drawn = tuple((cells[place], _with_pictures(request, back)) for place, request in kept.drawn)
    return Plan(kept.order, tuple(axes), cells, drawn, kept.folder)


def _with_pictures(request: GenRequest, change: Callable[[bytes], bytes]) -> GenRequest:
    """The request with every picture it starts from changed."""
    changes: dict[str, Any] = {}
    if request.init_image is not None:
        changes["init_image"] = change(request.init_image)
    if request.mask is not None:
        changes["mask"] = change(request.mask)
    if any(control.image is not None for control in request.controls):
        changes["controls"] = tuple(
            control
            if control.image is None
            else msgspec.structs.replace(control, image=change(control.image))
            for control in request.controls
        )
    if request.workflow is not None and request.workflow.pictures:
        pictures = {name: change(data) for name, data in request.workflow.pictures.items()}
        changes["workflow"] = msgspec.structs.replace(request.workflow, pictures=pictures)
    return msgspec.structs.replace(request, **changes) if changes else request
