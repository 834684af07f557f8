"""The step loop: joining, sharing, leaving, cancelling, previews, sizes and every kind of refusal."""

import io
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as Picture

from backends.contract import (
    Cancel,
    Cancelled,
    Done,
    Failed,
    Free,
    Held,
    Image,
    Load,
    Loaded,
    LoadFailed,
    Loading,
    ModelRef,
    Progress,
    Started,
)
from backends.diffusers_local import steps
from backends.diffusers_local.loop.batching import BatchSize
from backends.diffusers_local.pictures.pictures import encode
from tests.backends.diffusers_local.conftest import Studio, a_work, ref_of


def pixels(picture: Picture.Image) -> Any:
    return np.asarray(picture.convert("RGB")).astype(int)


def png(width: int, height: int, colour: tuple[int, int, int] = (200, 40, 40)) -> bytes:
    return encode(Picture.new("RGB", (width, height), colour), "PNG", 100)


class TestOneWork:
    def test_its_reports_come_in_order_and_end_once(self, folder: Path, studio: Studio) -> None:
        work = a_work(folder, steps=3)
        studio.draw(work)
        kinds = [type(r) for r in studio.reports if getattr(r, "id", None) == work.id]
        assert kinds == [Loading, Started, Progress, Progress, Progress, Image, Done]
        loaded = studio.of(Loaded)[0]
        assert (loaded.model, loaded.models, loaded.ticket) == ("small", ("small",), "")
        assert studio.of(Image)[0].load_seconds > 0
        assert [r.step for r in studio.of(Progress)] == [1, 2, 3]

    def test_previews_are_small_jpegs_thinned_by_time(self, folder: Path, studio: Studio) -> None:
        work = a_work(folder, steps=40)
        studio.draw(work)
        shown = [r.preview for r in studio.of(Progress) if r.preview is not None]
        assert 1 <= len(shown) < 40
        preview = Picture.open(io.BytesIO(shown[0]))
        assert preview.format == "JPEG"
        assert preview.size == (8, 8)

    def test_many_works_share_the_time_for_previews_but_each_has_a_first(
        self, folder: Path, studio: Studio
    ) -> None:
        works = [a_work(folder, number, steps=30) for number in range(8)]
        began = time.perf_counter()
        studio.draw(*works)
        seconds = time.perf_counter() - began
        shown = [r for r in studio.of(Progress) if r.preview is not None]
        assert {r.id for r in shown if r.step == 1} == {work.id for work in works}
        assert len(shown) <= 8 + 45 * seconds

    def test_no_previews_when_nobody_wants_them(self, folder: Path, studio: Studio) -> None:
        studio.draw(a_work(folder, previews=False))
        assert not any(r.preview for r in studio.of(Progress))

    def test_a_preview_leaves_the_picture_as_it_is(self, folder: Path, studio: Studio) -> None:
        with_previews, without = studio.draw(
            a_work(folder, 1, seed=5), a_work(folder, 2, seed=5, previews=False, deterministic=True)
        )
        assert abs(pixels(with_previews) - pixels(without)).max() <= 1

    @pytest.mark.parametrize("format_", ["PNG", "JPG", "WEBP", "WEBP_LOSSLESS"])
    def test_every_format(self, folder: Path, studio: Studio, format_: str) -> None:
        (picture,) = studio.draw(a_work(folder, format=format_, quality=90))
        assert picture.format == format_.removesuffix("_LOSSLESS").replace("JPG", "JPEG")
        assert picture.size == (64, 64)

    def test_unknown_words_and_what_was_cut_are_told(self, folder: Path, studio: Studio) -> None:
        studio.draw(a_work(folder, prompt="a red Zebra on zebra blue square red circle on blue"))
        notes = studio.of(Image)[0].notes
        assert notes["unknown_words"] == ["Zebra", "zebra"]
        assert notes["prompt_cut"] == "square red circle on blue"
        studio.draw(a_work(folder, 1, prompt="a red circle"))
        assert studio.of(Image, "t:1")[0].notes == {}

    def test_what_was_cut_of_the_negative_prompt_is_told(self, folder: Path, studio: Studio) -> None:
        work = a_work(folder, negative_prompt="a red circle on blue square red circle")
        studio.draw(work)
        assert studio.of(Image, work.id)[0].notes["negative_prompt_cut"] == "red circle"

    def test_variation_goes_from_one_seed_to_the_other(self, folder: Path, studio: Studio) -> None:
        one, half, whole, other = studio.draw(
            a_work(folder, 0, seed=1),
            a_work(folder, 1, seed=1, variation_seed=2, variation_strength=0.5),
            a_work(folder, 2, seed=1, variation_seed=2, variation_strength=1.0),
            a_work(folder, 3, seed=2),
        )
        assert abs(pixels(whole) - pixels(other)).max() <= 1
        assert abs(pixels(half) - pixels(one)).max() > 1


class TestManyWorks:
    def test_strangers_in_one_batch_change_nothing_one_can_see(
        self, folder: Path, studio: Studio, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(BatchSize, "wanted", lambda self, available, free=None: available)
        counts: list[int] = []
        predict = steps.predict
        monkeypatch.setattr(steps, "predict", lambda rows: counts.append(len(rows)) or predict(rows))
        kinds: list[dict[str, Any]] = [
            {"sampler": "euler", "steps": 9},
            {"sampler": "ddim", "steps": 4, "cfg_scale": 1.0},
            {"sampler": "dpmpp_2m", "scheduler": "karras", "steps": 6, "prompt": "a blue square"},
            {"sampler": "euler_ancestral", "steps": 12, "cfg_scale": 2.0, "negative_prompt": "red"},
            {"sampler": "heun", "steps": 3, "init_image": png(64, 64), "strength": 0.8},
        ]
        together = [a_work(folder, n, **kind) for n, kind in enumerate(kinds)]
        alone = [a_work(folder, n + 10, seed=n + 100, deterministic=True, **k) for n, k in enumerate(kinds)]
        shared = studio.draw(*together)
        assert max(counts) == len(kinds)
        for picture, solo in zip(shared, studio.draw(*alone), strict=True):
            assert abs(pixels(picture) - pixels(solo)).max() <= 1

    def test_one_joins_at_the_next_step_and_leaves_at_its_last(
        self, folder: Path, studio: Studio, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(BatchSize, "wanted", lambda self, available, free=None: available)
        long, short = a_work(folder, 1, steps=12), a_work(folder, 2, steps=2)
        studio.submit(long)
        studio.turn(4)
        studio.submit(short)
        studio.finish(short)
        assert not studio.ended(long.id)
        studio.finish(long)
        studio.picture(long)

    def test_different_models_and_sizes_beside_each_other(
        self, folder: Path, zero_folder: Path, studio: Studio
    ) -> None:
        works = [
            a_work(folder, 1, steps=30),
            a_work(folder, 2, steps=30, width=72, height=56),
            a_work(zero_folder, 3, steps=5),
        ]
        studio.draw(*works)
        assert studio.picture(works[1]).size == (72, 56)
        assert set(studio.of(Loaded)[-1].models) == {"small", "zero"}

    def test_deterministic_is_equal_to_the_last_bit_whatever_runs_beside(
        self, folder: Path, studio: Studio
    ) -> None:
        (first,) = studio.draw(a_work(folder, 0, seed=9, deterministic=True))
        works = [a_work(folder, n, seed=n) for n in range(1, 5)]
        again = a_work(folder, 9, seed=9, deterministic=True)
        *_, second = studio.draw(*works, again)
        assert np.array_equal(pixels(first), pixels(second))


class TestCancel:
    def test_a_running_a_waiting_and_an_unknown_one(self, folder: Path, studio: Studio) -> None:
        running, other, waiting = (a_work(folder, n, steps=50) for n in range(3))
        studio.submit(running, other)
        studio.turn(3)
        studio.submit(waiting)
        studio.loop.inbox.append(Cancel((running.id, waiting.id, "nobody")))
        studio.finish(running, waiting)
        assert len(studio.of(Cancelled)) == 2
        assert len(studio.of(Progress, running.id)) < 50
        studio.finish(other)
        assert studio.of(Done, other.id)
        assert not studio.of(Done, running.id)

    def test_no_word_about_a_work_after_its_end(self, folder: Path, studio: Studio) -> None:
        work = a_work(folder, steps=50)
        studio.submit(work)
        studio.turn(5)
        studio.loop.inbox.append(Cancel((work.id,)))
        studio.turn(3)
        studio.finish(work)
        assert isinstance(studio.reports[-1], Cancelled)


class TestStart:
    def test_no_steps_give_noise_or_the_untouched_start(self, folder: Path, studio: Studio) -> None:
        noise, start = studio.draw(
            a_work(folder, 1, steps=0), a_work(folder, 2, steps=0, init_image=png(64, 64))
        )
        assert noise.size == (64, 64)
        assert pixels(noise).std() > 0
        assert np.array_equal(pixels(start), pixels(Picture.new("RGB", (64, 64), (200, 40, 40))))
        assert studio.of(Started, "t:1")[0].steps == 0

    @pytest.mark.parametrize("strength", [0.0, 0.1])
    def test_a_strength_of_no_steps_gives_the_start(
        self, folder: Path, studio: Studio, strength: float
    ) -> None:
        (picture,) = studio.draw(a_work(folder, init_image=png(64, 64), strength=strength))
        assert np.array_equal(pixels(picture), pixels(Picture.new("RGB", (64, 64), (200, 40, 40))))

    @pytest.mark.parametrize("size", [(64, 64), (300, 20), (33, 97)])
    def test_a_start_of_any_size(self, folder: Path, studio: Studio, size: tuple[int, int]) -> None:
        (picture,) = studio.draw(a_work(folder, init_image=png(*size), strength=0.5, width=80, height=48))
        assert picture.size == (80, 48)
        assert studio.of(Started)[0].steps == 2

    def test_a_start_that_is_no_picture(self, folder: Path, studio: Studio) -> None:
        studio.submit(a_work(folder, init_image=b"GIF89a nothing"))
        studio.turn(2)
        studio.finish(a_work(folder))
        assert "initial picture" in studio.of(Failed)[0].reason


class TestMask:
    @pytest.mark.parametrize("sampler", ["euler", "ddim", "dpmpp_2m", "heun", "euler_ancestral", "uni_pc"])
    def test_only_the_white_part_is_redrawn(self, folder: Path, studio: Studio, sampler: str) -> None:
        mask = Picture.new("L", (64, 64))
        mask.paste(255, (32, 0, 64, 64))
        (picture,) = studio.draw(
            a_work(
                folder,
                init_image=png(64, 64),
                mask=encode(mask.convert("RGB"), "PNG", 100),
                sampler=sampler,
                extra={"maskblur": 2},
            )
        )
        drawn = pixels(picture)
        assert np.array_equal(drawn[:, :20], np.broadcast_to((200, 40, 40), (64, 20, 3)))
        assert abs(drawn[:, 44:] - (200, 40, 40)).mean() > 5

    def test_a_mask_of_another_size_and_native_sizes(self, folder: Path, studio: Studio) -> None:
        mask = Picture.new("RGB", (10, 10), (255, 255, 255))
        mask.paste((0, 0, 0), (0, 0, 5, 10))
        (picture,) = studio.draw(
            a_work(
                folder,
                native=((64, 64),),
                width=200,
                height=100,
                init_image=png(400, 200),
                mask=encode(mask, "PNG", 100),
            )
        )
        assert picture.size == (200, 100)
        assert np.array_equal(pixels(picture)[50, 5], (200, 40, 40))


class TestSizes:
    @pytest.mark.parametrize("size", [(64, 64), (65, 63), (40, 120), (7, 200), (1, 1)])
    def test_any_size_without_native_ones(self, folder: Path, studio: Studio, size: tuple[int, int]) -> None:
        (picture,) = studio.draw(a_work(folder, width=size[0], height=size[1], steps=2))
        assert picture.size == size
        notes = studio.of(Image)[0].notes
        assert ("fitted" in notes) == any(side % 8 for side in size)

    @pytest.mark.parametrize(
        ("size", "drawn", "fitted"),
        [
            ((64, 64), None, None),
            ((128, 128), "64x64", "enlarged"),
            ((96, 64), None, None),
            ((150, 100), "96x64", "enlarged"),
            ((100, 150), "64x96", "enlarged"),
            ((1001, 333), "96x64", "enlarged and cropped"),
            ((32, 32), "64x64", "reduced"),
        ],
    )
    def test_native_sizes_are_drawn_and_fitted(
        self, folder: Path, studio: Studio, size: tuple[int, int], drawn: str | None, fitted: str | None
    ) -> None:
        native = ((64, 64), (96, 64), (64, 96))
        (picture,) = studio.draw(a_work(folder, native=native, width=size[0], height=size[1], steps=1))
        assert picture.size == size
        notes = studio.of(Image)[0].notes
        assert (notes.get("drawn_size"), notes.get("fitted")) == (drawn, fitted)


class TestRefusals:
    @pytest.mark.parametrize(
        ("given", "word"),
        [
            ({"cfg_scale": float("nan")}, "finite"),
            ({"cfg_scale": float("inf")}, "finite"),
            ({"width": 0}, "0x64"),
            ({"steps": -1}, "-1 steps"),
            ({"sampler": "magic"}, "magic"),
            ({"scheduler": "magic"}, "magic"),
            ({"sampler": "plms", "scheduler": "karras"}, "does not go with"),
            ({"sampler": "lcm", "steps": 51}, "at most 50"),
            ({"mask": b"x"}, "mask needs"),
            ({"mask": b"x", "init_image": png(64, 64)}, "cannot be read"),
            ({"steps": 5000, "sampler": "ddim"}, "5000"),
            ({"extra": {"vaetilesize": "huge"}}, "VAE Tile Size"),
        ],
    )
    def test_numbers_and_names(self, folder: Path, studio: Studio, given: dict[str, Any], word: str) -> None:
        bad, good = a_work(folder, 1, **given), a_work(folder, 2)
        studio.submit(bad, good)
        studio.finish(bad, good)
        assert word in studio.of(Failed, bad.id)[0].reason
        assert studio.of(Done, good.id)

    def test_a_picture_of_no_numbers_is_a_failure(self, folder: Path, studio: Studio) -> None:
        work = a_work(folder)
        studio.submit(work)
        studio.turn(2)
        studio.loop._rows[0].latents = torch.full((1, 4, 8, 8), float("nan"))
        studio.finish(work)
        assert "no numbers" in studio.of(Failed)[0].reason
        assert not studio.of(Image)

    def test_only_the_guilty_row_of_a_batch_fails(
        self, folder: Path, studio: Studio, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(BatchSize, "wanted", lambda self, available, free=None: available)
        good, bad = a_work(folder, 1, steps=6), a_work(folder, 2, steps=6)
        studio.submit(good, bad)
        studio.turn(2)
        studio.loop._rows[1].states = torch.zeros(2, 8, 31)
        studio.finish(good, bad)
        assert studio.of(Failed, bad.id)
        assert studio.picture(good).size == (64, 64)

    def test_memory_running_out_makes_the_batch_smaller(
        self, folder: Path, studio: Studio, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        predict = steps.predict

        def small_memory(rows: Any) -> Any:
            if len(rows) > 2:
                raise torch.OutOfMemoryError("too much")
            return predict(rows)

        monkeypatch.setattr(steps, "predict", small_memory)
        studio.submit(*(a_work(folder, n, steps=40) for n in range(5)))
        studio.turn()
        size = studio.loop._turns.sizes[studio.loop._rows[0].key].size
        size.limit = 4
        studio.finish(*(a_work(folder, n) for n in range(5)))
        assert len(studio.of(Done)) == 5
        assert size.largest <= 2


class TestModels:
    def test_load_free_and_held(self, folder: Path, studio: Studio) -> None:
        studio.loop.inbox.append(Load("t1", ref_of(folder)))
        studio.turn()
        studio.loop.inbox.append(Load("t2", ref_of(folder)))
        studio.loop.inbox.append(Free())
        studio.turn()
        studio.draw(a_work(folder))
        assert [r.ticket for r in studio.of(Loaded)] == ["t1", "t2", ""]
        assert studio.of(Held)[0].models == ()

    def test_a_model_at_work_is_not_let_go(self, folder: Path, studio: Studio) -> None:
        work = a_work(folder, steps=20)
        studio.submit(work)
        studio.turn(2)
        studio.loop.inbox.append(Free())
        studio.finish(work)
        assert studio.of(Held)[0].models == ("small",)

    def test_the_least_used_model_goes_when_room_is_needed(
        self, folder: Path, zero_folder: Path, studio: Studio
    ) -> None:
        studio.loop._shelf._budget = 1
        studio.draw(a_work(folder, 1))
        studio.draw(a_work(zero_folder, 2))
        assert studio.of(Loaded)[-1].models == ("zero",)

    def test_a_missing_model_is_named(self, tmp_path: Path, studio: Studio) -> None:
        gone = a_work(tmp_path / "gone", 1)
        studio.submit(gone)
        studio.loop.inbox.append(Load("t", ModelRef("gone", str(tmp_path / "gone"))))
        studio.finish(gone)
        assert "gone" in studio.of(Failed)[0].reason
        assert {r.ticket for r in studio.of(LoadFailed)} == {"", "t"}
