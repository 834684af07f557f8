"""One step of a batch: a single forward of the denoiser for several requests, then each request's own
sampler.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from backends.diffusers_local.loading.model import Model
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
        given.append(row.scheduler.scale_model_input(torch.cat([row.latents] * count), time))
        times.append(time.reshape(1).expand(count))
        counts.append(count)
    sample = given[0] if len(rows) == 1 else torch.cat(given)
    steps = times[0] if len(rows) == 1 else torch.cat([time.float() for time in times])
    states = rows[0].states if len(rows) == 1 else torch.cat([row.states for row in rows])
    said = model.unet(
        sample,
        steps,
        encoder_hidden_states=states,
        added_cond_kwargs=_conditions(rows),
        return_dict=False,
    )[0]
    return [
        Prediction(part[:1], _guided(row, answer))
        for row, part, answer in zip(rows, given, said.split(counts), strict=True)
    ]


def _conditions(rows: Sequence[Row]) -> dict[str, torch.Tensor] | None:
    """What else this family's denoiser takes, each row its own; None when nothing."""
    if len(rows) == 1:
        return rows[0].conditions or None
    names = rows[0].conditions
    return {name: torch.cat([row.conditions[name] for row in rows]) for name in names} or None


def _guided(row: Row, answer: torch.Tensor) -> torch.Tensor:
    if len(answer) == 1:
        return answer
    without, with_prompt = answer.chunk(2)
    guided: torch.Tensor = without + row.work.cfg_scale * (with_prompt - without)
    return guided


def advance(row: Row, prediction: Prediction) -> None:
    """Take the row's step by its own sampler."""
    time = row.times[row.index]
    row.latents = row.scheduler.step(prediction.said, time, row.latents, **row.arguments, return_dict=False)[
        0
    ]
    row.index += 1
    if row.masked is not None:
        row.latents = row.masked.hold(row.latents, row.scheduler, row.times, row.index)


def foreseen(model: Model, prediction: Prediction, time: torch.Tensor) -> npt.NDArray[np.float32]:
    """The clean latents (channels, h, w) that this prediction points to, for a preview; the sampler's are
    not touched.

    A picture forms in them from the first step on, where the sampler's own latents are still mostly noise.
    """
    moment = min(len(model.alphas) - 1, max(0, round(float(time))))
    kept = float(model.alphas[moment])
    given, said = prediction.given[0].float(), prediction.said[0].float()
    if model.prediction == "v_prediction":
        clean = given * kept**0.5 - said * (1 - kept) ** 0.5
    elif model.prediction == "sample":
        clean = said.clone()
    else:
        clean = (given - said * (1 - kept) ** 0.5) / max(kept, 1e-4) ** 0.5
    pixels: npt.NDArray[np.float32] = clean.detach().cpu().numpy()
    return pixels


def decode(rows: Sequence[Row]) -> list[npt.NDArray[np.float32]]:
    """Finished rows of one model and shape -> pixels (3, h, w) in about -1..1."""
    model = rows[0].model
    latents = rows[0].latents if len(rows) == 1 else torch.cat([row.latents for row in rows])
    latents = latents.to(model.vae.dtype) / model.vae.config.scaling_factor
    pixels = model.vae.decode(latents, return_dict=False)[0]
    return list(pixels.float().cpu().numpy())
