"""Masks over latents: hard ones as the stock pipelines, soft ones bit by bit, and what a seed gives."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as Picture

from backends.contract import Work
from backends.diffusers_local import steps
from backends.diffusers_local.features.masking import Masked
from backends.diffusers_local.loading.gather import Kit
from backends.diffusers_local.loading.model import Model
from backends.diffusers_local.loop.batching import BatchSize
from backends.diffusers_local.pictures.pictures import encode
from backends.diffusers_local.prepare import Refused, prepare
from backends.diffusers_local.row import Row
from backends.diffusers_local.samplers.schedules import Schedules
from tests.backends.diffusers_local.conftest import Studio, a_work

TIMES = torch.tensor([999, 750, 500, 250, 0])
SCHEDULES = Schedules({"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012})


def masked(*levels: float, gradual: bool) -> Masked:
    where = torch.tensor(levels).reshape(1, 1, 1, -1)
    kept = torch.zeros(1, 4, 1, len(levels))
    return Masked(where, kept, torch.zeros_like(kept), lambda picture: picture, gradual)


def held(mask: Masked, index: int) -> list[float]:
    """1 where the drawing stays: what is kept is nothing, and neither is its noise."""
    latents = torch.ones(1, 4, 1, mask.where.shape[-1])
    kept: list[float] = mask.hold(latents, SCHEDULES, SCHEDULES.make("ddim", "normal"), TIMES, index)[
        0, 0, 0
    ].tolist()
    return kept


class TestSoft:
    def test_grey_joins_when_its_time_has_come(self) -> None:
        mask = masked(0.0, 0.3, 0.6, 1.0, gradual=True)
        assert held(mask, 1) == [0, 0, 0, 1]
        assert held(mask, 2) == [0, 0, 1, 1]
        assert held(mask, 3) == [0, 1, 1, 1]

    @pytest.mark.parametrize("index", range(1, 6))
    def test_black_is_never_redrawn_and_white_always(self, index: int) -> None:
        kept = held(masked(0.0, 1.0, gradual=True), index)
        assert kept == [0, 1]

    @pytest.mark.parametrize("index", range(1, 6))
    def test_a_hard_mask_is_the_same_either_way(self, index: int) -> None:
        soft, hard = (held(masked(0.0, 1.0, 1.0, gradual=g), index) for g in (True, False))
        assert soft == hard


def noise_picture() -> Picture.Image:
    return Picture.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8))


def redraw(path: Path, number: int = 0, **given: Any) -> Work:
    mask = Picture.new("L", (64, 64))
    mask.paste(255, (24, 0, 64, 64))
    start = encode(noise_picture(), "PNG", 100)
    standard: dict[str, Any] = {
        "steps": 6,
        "init_image": start,
        "mask": encode(mask.convert("RGB"), "PNG", 100),
    }
    return a_work(path, number, **(standard | given))


def walk(work: Work, model: Model) -> Row:
    with torch.inference_mode():
        row = prepare(work, Kit(model))
        while not row.finished:
            (prediction,) = steps.predict([row])
            steps.advance(row, prediction)
    return row


class TestInTheLoop:
    def test_behaviours_differ_where_the_mask_is_soft(self, folder: Path, model: Model) -> None:
        kinds: tuple[dict[str, str], ...] = (
            {},
            {"maskbehavior": "Differential"},
            {"maskbehavior": "Simple Latent"},
        )
        rows = [walk(redraw(folder, extra={"maskblur": 12} | kind), model) for kind in kinds]
        assert torch.equal(rows[0].latents, rows[1].latents)
        assert not torch.allclose(rows[0].latents, rows[2].latents, atol=1e-2)

    def test_hard_masks_are_alike_in_both(self, folder: Path, model: Model) -> None:
        soft, hard = (
            walk(redraw(folder, extra={"maskblur": 0, "maskbehavior": kind}), model).latents
            for kind in ("Differential", "Simple Latent")
        )
        assert torch.equal(soft, hard)

    def test_another_behaviour_is_refused(self, folder: Path, model: Model) -> None:
        with pytest.raises(Refused, match="maskbehavior is 'Magic'; it can be Differential or Simple Latent"):
            walk(redraw(folder, extra={"maskbehavior": "Magic"}), model)

    @pytest.mark.parametrize("recomposite", [True, False])
    def test_the_rest_is_put_back_or_not(self, folder: Path, studio: Studio, recomposite: bool) -> None:
        extra = {"maskblur": 0, "initimagerecompositemask": recomposite}
        (drawn,) = studio.draw(redraw(folder, extra=extra))
        kept = np.asarray(drawn)[:, :24]
        assert np.array_equal(kept, np.asarray(noise_picture())[:, :24]) is recomposite

    def test_only_the_box_changes(self, folder: Path, studio: Studio) -> None:
        mask = Picture.new("L", (64, 64))
        mask.paste(255, (8, 8, 16, 16))
        data = encode(mask.convert("RGB"), "PNG", 100)
        (drawn,) = studio.draw(redraw(folder, mask=data, extra={"maskblur": 0, "maskshrinkgrow": 4}))
        changed = (np.asarray(drawn) != np.asarray(noise_picture())).any(axis=2)
        assert changed[8:16, 8:16].mean() > 0.9
        changed[8:16, 8:16] = False
        assert not changed.any()

    def test_outpainting_keeps_the_picture_and_draws_the_border(self, folder: Path, studio: Studio) -> None:
        extra = {"maskblur": 0, "outpaintright": 32, "outpainttop": 16}
        work = redraw(folder, mask=None, width=96, height=80, extra=extra)
        (drawn,) = studio.draw(work)
        assert drawn.size == (96, 80)
        assert np.array_equal(np.asarray(drawn)[16:, :64], np.asarray(noise_picture()))

    def test_reset_to_norm_forgets_the_picture(self, folder: Path, model: Model) -> None:
        plain, half, whole = (
            walk(redraw(folder, mask=None, strength=0.5, extra={"initimageresettonorm": part}), model).latents
            for part in (0, 0.5, 1)
        )
        assert not torch.allclose(plain, half, atol=1e-2)
        assert not torch.allclose(half, whole, atol=1e-2)

    def test_strangers_share_the_forward(
        self, folder: Path, studio: Studio, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(BatchSize, "wanted", lambda self, available, *rest: available)
        counts: list[int] = []
        predict = steps.predict
        monkeypatch.setattr(steps, "predict", lambda rows: counts.append(len(rows)) or predict(rows))
        kinds: list[dict[str, Any]] = [
            {"extra": {"maskblur": 6}},
            {"extra": {"maskshrinkgrow": 4}, "sampler": "dpmpp_2m", "steps": 7},
            {"extra": {"outpaintleft": 16}, "mask": None, "cfg_scale": 1.0},
            {"mask": None, "init_image": None},
        ]
        together = [redraw(folder, n, **kind) for n, kind in enumerate(kinds)]
        alone = [redraw(folder, n + 10, seed=n + 100, deterministic=True, **k) for n, k in enumerate(kinds)]
        shared = studio.draw(*together)
        assert max(counts) == 4
        for picture, solo in zip(shared, studio.draw(*alone), strict=True):
            assert abs(np.asarray(picture).astype(int) - np.asarray(solo).astype(int)).max() <= 1
