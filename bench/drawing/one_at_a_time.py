"""The peer: the stock pipeline, one request after the other in the order they came, previews by its callback.

It is given the same weights, sampler, number of threads and small preview picture, and encodes its results
as the engine does.
"""

import time
from collections.abc import Sequence
from typing import Any

from backends.contract import Work
from bench.drawing.asked import Round


class StockPipeline:
    """One stock pipeline."""

    def __init__(self, folder: str) -> None:
        import torch
        from diffusers import StableDiffusionPipeline

        import backends.diffusers_local.starter.autoencoder  # noqa: F401  # a class the starter's index names
        from backends.diffusers_local.pictures.preview import fit_preview, read_preview
        from backends.diffusers_local.samplers.schedules import Schedules

        self._threads = torch.get_num_threads()
        self._pipeline: Any = StableDiffusionPipeline.from_pretrained(
            folder, dtype=torch.float32, local_files_only=True, safety_checker=None
        )
        self._pipeline.set_progress_bar_config(disable=True)
        schedules = Schedules(dict(self._pipeline.scheduler.config))
        self._pipeline.scheduler = schedules.make("ddim", "sgm_uniform")
        from pathlib import Path

        self._preview = read_preview(Path(folder)) or fit_preview(
            self._pipeline.vae, torch.device("cpu"), torch.float32
        )

    def draw(self, works: Sequence[Work]) -> Round:
        """One after the other."""
        import torch

        torch.set_num_threads(self._threads)
        began = time.perf_counter()
        previews = [self._draw(work) - began for work in works]
        return Round(time.perf_counter() - began, tuple(previews), len(works))

    def _draw(self, work: Work) -> float:
        """Draw and encode; returns when its first preview was there."""
        import torch

        from backends.diffusers_local.pictures.pictures import encode

        shown: list[float] = []

        def show(pipeline: Any, step: int, moment: Any, given: dict[str, Any]) -> dict[str, Any]:
            if not shown or time.perf_counter() - shown[-1] >= 0.05:
                self._preview.jpeg(given["latents"][0].float().numpy())
                shown.append(time.perf_counter())
            return given

        (picture,) = self._pipeline(
            work.prompt,
            negative_prompt=work.negative_prompt,
            num_inference_steps=work.steps,
            guidance_scale=work.cfg_scale,
            width=work.width,
            height=work.height,
            generator=torch.Generator().manual_seed(work.seed),
            callback_on_step_end=show if work.previews else None,
        ).images
        encode(picture, "PNG", 100)
        return shown[0] if shown else time.perf_counter()
