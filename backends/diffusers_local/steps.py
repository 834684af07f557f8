"""One step of a batch: a single forward of the denoiser for several requests, then each request's own
sampler.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from backends.diffusers_local.denoisers import Conditions
from backends.diffusers_local.features.patches import ask_in_patches
from backends.diffusers_local.features.tiling import tiled
from backends.diffusers_local.pictures.scale import unscaled
from backends.diffusers_local.row import Row


class Prediction:
    """What the denoiser said about one request: its input (1, …) and its answer (1, …), guidance applied."""

    __slots__ = ("given", "said")

    def __init__(self, given: torch.Tensor, said: torch.Tensor) -> None:
        self.given = given
        self.said = said


def predict(rows: Sequence[Row]) -> list[Prediction]:
    """One forward for all rows (they share a key). Alone in the batch a row's answer is the stock
    pipeline's.
    """
    model = rows[0].model
    given, times, counts = [], [], []
    for row in rows:
        count = len(row.states)
        time = row.times[row.index]
        given.append(model.schedules.given(row.scheduler, torch.cat([row.latents] * count), time))
        times.append(time.reshape(1).expand(count))
        counts.append(count)
    sample = given[0] if len(rows) == 1 else torch.cat(given)
    steps = times[0] if len(rows) == 1 else torch.cat([time.float() for time in times])
    states = rows[0].states if len(rows) == 1 else torch.cat([row.states for row in rows])
    model.layers.lay(rows[0].kit.stack)

    def ask(part: torch.Tensor, conditions: Conditions) -> torch.Tensor:
        return model.denoiser.forward(part, steps, states, conditions, rows)

    patches, conditions = rows[0].patches, _conditions(rows)
    said = ask_in_patches(patches, ask, sample, conditions) if patches else ask(sample, conditions)
    return [
        Prediction(part[:1], _guided(row, answer))
        for row, part, answer in zip(rows, given, said.split(counts), strict=True)
    ]


def _conditions(rows: Sequence[Row]) -> Conditions:
    """What else this family's denoiser takes, each row its own."""
    if len(rows) == 1:
        return rows[0].conditions
    names = rows[0].conditions
    return {name: torch.cat([row.conditions[name] for row in rows]) for name in names}


def _guided(row: Row, answer: torch.Tensor) -> torch.Tensor:
    if len(answer) == 1:
        return answer
    without, with_prompt = answer.chunk(2)
    guided: torch.Tensor = without + row.cfg_scale * (with_prompt - without)
    return guided


def advance(row: Row, prediction: Prediction) -> None:
    """Take the row's step by its own sampler."""
    time = row.times[row.index]
    row.latents = row.scheduler.step(prediction.said, time, row.latents, **row.arguments, return_dict=False)[
        0
    ]
    row.advanced()
    if row.to_the_end and row.finished:
        given, said = prediction.given[0], prediction.said[0]
        row.latents = row.model.denoiser.clean(row, given, said, time)[None].to(row.latents.dtype)
    if row.masked is not None:
        schedules = row.model.schedules
        row.latents = row.masked.hold(row.latents, schedules, row.scheduler, row.times, row.index)


def foreseen(row: Row, prediction: Prediction, time: torch.Tensor) -> torch.Tensor:
    """The clean latents (channels, h, w) that this prediction points to, for a preview, on the device they
    were computed on: to wait for them here would keep it idle. The sampler's are not touched.

    A picture forms in them from the first step on, where the sampler's own latents are still mostly noise.
    """
    given, said = prediction.given[0].float(), prediction.said[0].float()
    return row.model.denoiser.clean(row, given, said, time).detach()


def decode(rows: Sequence[Row]) -> list[npt.NDArray[np.float32]]:
    """Finished rows of one model and shape -> pixels (3, h, w) in about -1..1."""
    vae = rows[0].kit.vae
    latents = rows[0].latents if len(rows) == 1 else torch.cat([row.latents for row in rows])
    latents = unscaled(vae, latents.to(vae.dtype))
    with tiled([vae], rows[0].tiling):
        pixels = vae.decode(latents, return_dict=False)[0]
    return list(pixels.float().cpu().numpy())
