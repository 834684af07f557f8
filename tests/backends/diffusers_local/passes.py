"""A work walked through all its passes without a loop: alone, as the stock pipelines draw."""

from collections.abc import Generator

import torch

from backends.contract import Work
from backends.diffusers_local import steps
from backends.diffusers_local.features.second_pass import follow
from backends.diffusers_local.loading.gather import Kit
from backends.diffusers_local.prepare import prepare
from backends.diffusers_local.row import Row


def walk(row: Row) -> Row:
    """Take every step of the row."""
    while not row.finished:
        (prediction,) = steps.predict([row])
        steps.advance(row, prediction)
    return row


def walk_all(work: Work, kit: Kit) -> list[Row]:
    """The rows of the work, one a pass, each with all its steps taken."""
    with torch.inference_mode():
        rows = [walk(follow(prepare(work, kit)))]
        while (after := rows[-1].after) is not None:
            shown, pieces = rows[-1].steps, after(rows[-1])
            rows.append(walk(piece_together(pieces)))
            assert rows[-1].steps == shown, "the steps to show do not change on the way"
            assert rows[-1].step == shown
    return rows


def piece_together(pieces: Generator[int, None, Row]) -> Row:
    """What a generator returns."""
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            made: Row = end.value
            return made
