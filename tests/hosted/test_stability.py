"""Stability AI's engine against a fake of its API: what is sent, what comes back, and every refusal."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from backends.contract import (
    Cancel,
    Cancelled,
    Control,
    Failed,
    Load,
    Loaded,
    LoadFailed,
    Log,
    Lora,
    Misconfigured,
    ModelRef,
    Offers,
    Ready,
    SecondPass,
    Started,
    Unreachable,
    Workflow,
)
from backends.stability_api.client import connect
from backends.stability_api.service import sent_seed
from backends.stability_api.settings import StabilitySettings
from tests.hosted.serving import Reply, opened, picture, serving
from tests.hosted.stability import FakeStability, error
from tests.hosted.talking import Talk, talking, work

KEYS = {("ann", "stability_api"): "sk-ann"}


@contextlib.asynccontextmanager
async def engine(fake: FakeStability, **settings: Any) -> AsyncIterator[Talk]:
    """The engine, speaking to the fake."""
    async with (
        serving(fake) as address,
        talking(connect, StabilitySettings(address=address, **settings), dict(KEYS)) as talk,
    ):
        yield talk


@pytest.fixture
def fake() -> FakeStability:
    """A service with an account for ann."""
    return FakeStability()


class TestAnnouncing:
    async def test_models_and_slots_are_told_before_any_key_is_used(self, fake: FakeStability) -> None:
        async with engine(fake, slots=3) as talk:
            offers, ready = await talk.first(Offers), await talk.first(Ready)
        names = [model.name for model in offers.models]
        assert names[:3] == ["stability/core", "stability/ultra", "stability/sd3.5-large"]
        assert {model.subtype for model in offers.models} == {"Stable-Diffusion"}
        assert (ready.slots, ready.features) == (3, ())
        assert all("authorization" not in asked.headers for asked in fake.asked)

    async def test_the_models_are_those_of_the_setting(self, fake: FakeStability) -> None:
        async with engine(fake, models="ultra,sd3.5-flash") as talk:
            offers = await talk.first(Offers)
            assert [m.name for m in offers.models] == ["stability/ultra", "stability/sd3.5-flash"]
            await talk.draw(work("stability/sd3.5-flash", cfg_scale=20.0))

    @pytest.mark.parametrize(
        ("wrong", "named"),
        [
            ({"models": "dall-e-3"}, "Models"),
            ({"models": " , "}, "Models"),
            ({"address": "ftp://example.com"}, "Address"),
            ({"address": "http://example.com"}, "https"),
            ({"address": "https://user:secret@example.com"}, "user name"),
            ({"address": "http://[::1"}, "Address"),
        ],
    )
    async def test_a_setting_that_cannot_work_is_named(self, wrong: dict[str, Any], named: str) -> None:
        with pytest.raises(Misconfigured, match=named) as told:
            async with talking(connect, StabilitySettings(**wrong), {}):
                pass
        assert "secret" not in str(told.value)

    async def test_nobody_there_is_told_as_such(self, free_port: int) -> None:
        settings = StabilitySettings(address=f"http://127.0.0.1:{free_port}")
        with pytest.raises(Unreachable, match="Stability AI cannot be reached"):
            async with talking(connect, settings, {}):
                pass

    async def test_loading_is_answered_at_once(self, fake: FakeStability) -> None:
        async with engine(fake) as talk:
            talk.client.handle(Load("t1", ModelRef("stability/core", "")))
            talk.client.handle(Load("t2", ModelRef("stability/gone", "")))
            loaded, failed = await talk.first(Loaded), await talk.first(LoadFailed)
        assert (loaded.ticket, loaded.model) == ("t1", "stability/core")
        assert failed.ticket == "t2"


class TestDrawing:
    async def test_a_picture_of_exactly_the_wanted_size(self, fake: FakeStability) -> None:
        async with engine(fake) as talk:
            asked = work("stability/core", negative_prompt="rain", width=512, height=288, seed=42)
            image = await talk.draw(asked)
        (sent,) = fake.drawn
        assert sent.path == "/v2beta/stable-image/generate/core"
        assert {name: sent.text(name) for name in sent.form} == {
            "prompt": "a red boat",
            "negative_prompt": "rain",
            "aspect_ratio": "16:9",
            "seed": "42",
            "output_format": "png",
        }
        assert sent.headers["accept"] == "image/*"
        assert opened(image.data).size == (512, 288)
        assert image.notes["drawn_size"] == "416x240"
        assert image.notes["fitted"] == "enlarged and cropped"
        assert image.notes["drawn_seed"] == 42
        assert image.notes["unused_by_engine"] == ["Steps", "CFG Scale", "Sampler", "Scheduler"]
        assert [r for r in talk.reports if isinstance(r, Started)] == [Started(asked.id, 1)]

    async def test_a_picture_that_fits_is_not_touched(self, fake: FakeStability) -> None:
        async with engine(fake) as talk:
            image = await talk.draw(work("stability/ultra"))
        assert image.data == picture((256, 256))
        assert "fitted" not in image.notes

    @pytest.mark.parametrize(
        ("form", "kind"), [("JPG", "JPEG"), ("WEBP", "WEBP"), ("WEBP_LOSSLESS", "WEBP"), ("PNG", "PNG")]
    )
    async def test_the_format_is_the_wanted_one(self, fake: FakeStability, form: str, kind: str) -> None:
        async with engine(fake) as talk:
            image = await talk.draw(work("stability/ultra", format=form, quality=80))
        assert (opened(image.data).format, image.format) == (kind, form)

    @pytest.mark.parametrize(
        ("size", "ratio"),
        [
            ((256, 256), "1:1"),
            ((512, 220), "21:9"),
            ((400, 600), "2:3"),
            ((300, 400), "4:5"),
            ((64, 2048), "9:21"),
        ],
    )
    async def test_the_nearest_shape_is_asked_for(
        self, fake: FakeStability, size: tuple[int, int], ratio: str
    ) -> None:
        async with engine(fake) as talk:
            image = await talk.draw(work("stability/core", width=size[0], height=size[1]))
        assert fake.drawn[0].text("aspect_ratio") == ratio
        assert opened(image.data).size == size

    async def test_a_family_of_models_is_named_in_the_form(self, fake: FakeStability) -> None:
        async with engine(fake) as talk:
            await talk.draw(work("stability/sd3.5-large", cfg_scale=4.5))
            await talk.draw(work("stability/sd3.5-large-turbo", cfg_scale=12.0))
        large, turbo = fake.drawn
        assert (large.text("model"), large.text("cfg_scale")) == ("sd3.5-large", "4.5")
        assert (large.text("mode"), large.text("aspect_ratio")) == ("text-to-image", "1:1")
        assert (turbo.text("model"), turbo.text("cfg_scale")) == ("sd3.5-large-turbo", None)

    @pytest.mark.parametrize("model", ["stability/ultra", "stability/sd3.5-medium"])
    async def test_a_picture_is_redrawn(self, fake: FakeStability, model: str) -> None:
        start = picture((300, 200), (10, 200, 30), "JPEG")
        async with engine(fake) as talk:
            image = await talk.draw(work(model, init_image=start, strength=0.35, width=320, height=64))
        (sent,) = fake.drawn
        assert sent.text("strength") == "0.35"
        size = opened(sent.form["image"]).size
        if "sd3" in model:
            assert (size, sent.text("mode"), sent.text("aspect_ratio")) == ((320, 64), "image-to-image", None)
        else:  # the start in the shape that is drawn: what is cropped later is not its own
            assert (size, sent.text("aspect_ratio")) == ((320, 137), "21:9")
        assert opened(image.data).size == (320, 64)

    @pytest.mark.parametrize(
        ("seed", "sent"), [(1, 1), (4294967294, 4294967294), (0, 4294967294), (4294967295, 1), (2**63 - 1, 2)]
    )
    def test_seeds_are_kept_where_they_can_be(self, seed: int, sent: int) -> None:
        assert sent_seed(seed) == (sent if seed != 2**63 - 1 else (2**63 - 2) % 4294967294 + 1)

    async def test_as_many_at_once_as_are_submitted(self, fake: FakeStability) -> None:
        fake.pause = 0.2
        async with engine(fake) as talk:
            works = [work("stability/ultra", seed=n) for n in range(1, 5)]
            for one in works:
                talk.submit(one)
            ends = [await talk.end(one) for one in works]
        assert not [end for end in ends if isinstance(end, Failed)]
        assert fake.most_busy == 4


class TestRefusingBeforeAnythingIsSent:
    @pytest.mark.parametrize(
        ("options", "named"),
        [
            ({"loras": (Lora(ModelRef("x", "")),)}, "LoRAs"),
            ({"vae": ModelRef("x", "")}, "VAE"),
            ({"embeddings": (ModelRef("x", ""),)}, "Embeddings"),
            ({"controls": (Control(ModelRef("x", "")),)}, "ControlNet"),
            ({"second": SecondPass()}, "Refiner and Upscale"),
            ({"variation_seed": 3, "variation_strength": 0.2}, "Variation Seed"),
            ({"extra": {"outpaintleft": 64}}, "Outpaint Left"),
            ({"deterministic": True}, "Deterministic"),
            ({"workflow": Workflow("{}")}, "ComfyUI Custom Workflow"),
            ({"extra": {"initimagenoise": 0.3}}, "Init Image Noise"),
            ({"prompt": "  "}, "Prompt"),
            ({"prompt": "x" * 10_001}, "Prompt"),
            ({"negative_prompt": "x" * 10_001}, "Negative Prompt"),
            ({"steps": 0}, "Steps"),
            ({"init_image": b"no picture"}, "Init Image"),
            ({"init_image": picture((64, 64)), "mask": picture((64, 64))}, "Mask Image"),
        ],
    )
    async def test_the_parameter_is_named(
        self, fake: FakeStability, options: dict[str, Any], named: str
    ) -> None:
        async with engine(fake) as talk:
            failed = await talk.refusal(work("stability/ultra", **options))
        assert failed.reason.startswith(f"{named}:")
        if named not in ("Embeddings", "ControlNet", "Refiner and Upscale"):  # told under an id of several
            assert failed.extra == {"field": named.replace(" ", "").lower()}
        assert not failed.retry
        assert fake.drawn == []

    async def test_what_only_some_models_take(self, fake: FakeStability) -> None:
        async with engine(fake) as talk:
            core = await talk.refusal(work("stability/core", init_image=picture((64, 64))))
            turbo = await talk.refusal(work("stability/sd3.5-large-turbo", negative_prompt="rain"))
            large = await talk.refusal(work("stability/sd3.5-large", cfg_scale=12.0))
            gone = await talk.refusal(work("stability/gone"))
        assert core.reason.startswith("Init Image: stability/core")
        assert turbo.reason.startswith("Negative Prompt: stability/sd3.5-large-turbo")
        assert large.reason == "CFG Scale: stability/sd3.5-large takes 1 to 10, not 12."
        assert gone.reason.startswith("Model:")
        assert fake.drawn == []

    async def test_without_a_key_it_says_where_to_store_one(self, fake: FakeStability) -> None:
        async with engine(fake) as talk:
            talk.keys.clear()
            failed = await talk.refusal(work("stability/core"))
        assert "SetAPIKey with the key type stability_api" in failed.reason
        assert fake.drawn == []

    async def test_a_key_that_cannot_be_a_key(self, fake: FakeStability) -> None:
        async with engine(fake) as talk:
            talk.keys["ann", "stability_api"] = "sk-ann\r\nX-Evil: 1"
            failed = await talk.refusal(work("stability/core"))
        assert "characters that no key has" in failed.reason
        assert fake.drawn == []


class TestProvidersErrors:
    @pytest.mark.parametrize(
        ("reply", "said"),
        [
            (error(400, "bad_request", "prompt: is odd"), 'It says: "prompt: is odd"'),
            (error(401, "unauthorized", "sk-ann is wrong"), "does not accept your key"),
            (error(402, "payment_required", "no money"), "too few credits"),
            (error(403, "content_moderation", "flagged by our system"), 'own rules.*"flagged by our system"'),
            (error(404, "not_found", "no such thing"), "does not offer this model"),
            (error(413, "payload_too_large", "too big"), "Init Image: it is too large"),
            (error(422, "unprocessable_entity", "well-formed, but no"), 'refuses.*"well-formed, but no"'),
            (error(500, "internal_error", "oops"), "trouble of its own"),
            (Reply(502, b"<html><body>nginx at /srv/www</body></html>"), "try again later.$"),
            (Reply(302, b"", {"location": "http://127.0.0.1:1/"}), "refuses the request"),
        ],
    )
    async def test_they_are_passed_on_in_words(self, fake: FakeStability, reply: Reply, said: str) -> None:
        fake.script = [reply]
        async with engine(fake) as talk:
            asked = work("stability/core")
            failed = await talk.refusal(asked)
            await talk.draw(work("stability/core"))
        assert re.search(said, failed.reason), failed.reason
        assert len(fake.drawn) == 2  # asked once: it may have been paid for
        assert "sk-ann" not in str(talk.reports)

    async def test_the_key_is_never_repeated(self, fake: FakeStability) -> None:
        fake.script = [
            error(400, "bad_request", "header: Bearer sk-ann or sk-live_8888888 is odd\n" + "x" * 900)
        ]
        async with engine(fake) as talk:
            failed = await talk.refusal(work("stability/core"))
        assert "sk-" not in failed.reason
        assert len(failed.reason) < 400 and "\n" not in failed.reason

    async def test_a_picture_held_back_is_no_picture(self, fake: FakeStability) -> None:
        fake.finish = "CONTENT_FILTERED"
        async with engine(fake) as talk:
            failed = await talk.refusal(work("stability/core"))
        assert "held it back" in failed.reason

    @pytest.mark.parametrize("body", [b"", b"not a picture", b"GIF89a" + bytes(20), picture((64, 64))[:100]])
    async def test_an_answer_that_is_no_picture(self, fake: FakeStability, body: bytes) -> None:
        fake.script = [Reply(200, body, {"content-type": "image/png", "finish-reason": "SUCCESS"})]
        async with engine(fake) as talk:
            failed = await talk.refusal(work("stability/core"))
        assert "no picture that can be read" in failed.reason
        assert failed.extra == {}


class TestPatience:
    async def test_too_often_is_tried_again_as_told(self, fake: FakeStability) -> None:
        busy = error(429, "rate_limit_exceeded", "slow down", **{"retry-after": "0"})
        fake.script = [busy, busy]
        async with engine(fake) as talk:
            await talk.draw(work("stability/core"))
            told = [report for report in talk.reports if isinstance(report, Log)]
        assert len(fake.drawn) == 3
        assert len(told) == 2 and "patience" in told[0].text

    async def test_but_not_longer_than_allowed(self, fake: FakeStability) -> None:
        fake.script = [error(429, "rate_limit_exceeded", "slow down", **{"retry-after": "60"})]
        async with engine(fake, retry_seconds=30) as talk:
            failed = await talk.refusal(work("stability/core"))
        assert "asked too often" in failed.reason
        assert len(fake.drawn) == 1

    async def test_whose_key_is_at_its_limit_keeps_nobody_else_waiting(self, fake: FakeStability) -> None:
        fake.script = [error(429, "rate_limit_exceeded", "slow down", **{"retry-after": "1"})]
        async with engine(fake, slots=1) as talk:
            limited, quick = work("stability/core", seed=1), work("stability/core", seed=2)
            talk.submit(limited)
            await talk.until(lambda report: report == Ready(device="Stability AI", slots=2))
            await talk.draw(quick)
            assert len(fake.drawn) == 2
            assert (await talk.end(limited)).id == limited.id
            told = [report.slots for report in talk.reports if isinstance(report, Ready)]
        assert told == [1, 2, 1]

    async def test_never_more_calls_at_once_than_slots(self, fake: FakeStability) -> None:
        fake.pause = 0.1
        async with engine(fake, slots=2) as talk:
            works = [work("stability/ultra", seed=n) for n in range(1, 6)]
            for one in works:
                talk.submit(one)
            for one in works:
                await talk.end(one)
        assert fake.most_busy == 2

    async def test_a_slow_answer_is_given_up(self, fake: FakeStability) -> None:
        fake.pause = 30
        async with engine(fake, timeout_seconds=1) as talk:
            failed = await talk.refusal(work("stability/core"))
        assert "no picture within 1 seconds" in failed.reason
        assert not failed.retry


class TestEnding:
    async def test_a_cancel_breaks_the_call_off(self, fake: FakeStability) -> None:
        fake.pause = 30
        async with engine(fake) as talk:
            asked, other = work("stability/core"), work("stability/core")
            talk.submit(asked)
            talk.submit(other)
            await fake.until(lambda: fake.busy == 2)
            talk.client.handle(Cancel((asked.id, "unknown")))
            assert await talk.end(asked) == Cancelled(asked.id)
            await fake.until(lambda: fake.broken == 1)
            assert fake.busy == 1
        assert fake.keys["sk-ann"] == 100

    async def test_a_cancel_in_the_same_breath(self, fake: FakeStability) -> None:
        async with engine(fake) as talk:
            asked = work("stability/core")
            talk.submit(asked)
            talk.client.handle(Cancel((asked.id,)))
            assert await talk.end(asked) == Cancelled(asked.id)
        assert fake.drawn == []

    async def test_a_cancel_during_a_pause_for_patience(self, fake: FakeStability) -> None:
        fake.script = [error(429, "rate_limit_exceeded", "slow down", **{"retry-after": "20"})]
        async with engine(fake) as talk:
            asked = work("stability/core")
            talk.submit(asked)
            await talk.first(Log)
            talk.client.handle(Cancel((asked.id,)))
            assert await talk.end(asked) == Cancelled(asked.id)

    async def test_an_ended_life_says_nothing_more_and_the_next_one_serves(self, fake: FakeStability) -> None:
        fake.pause = 30
        async with serving(fake) as address:
            talk = Talk(connect, StabilitySettings(address=address), dict(KEYS))
            life = asyncio.create_task(talk.client.run())
            await talk.first(Ready)
            asked = work("stability/core")
            talk.submit(asked)
            await talk.first(Started)
            life.cancel()
            await asyncio.wait({life})
            assert not [r for r in talk.reports if isinstance(r, Failed | Cancelled)]
            fake.pause = 0
            life = asyncio.create_task(talk.client.run())
            await talk.until(lambda _: len([r for r in talk.reports if isinstance(r, Ready)]) == 2)
            await talk.draw(work("stability/core"))
            life.cancel()
            await asyncio.wait({life})

    async def test_a_service_that_went_away_fails_kindly_and_ends_the_life(self) -> None:
        fake = FakeStability()
        async with serving(fake) as address:
            talk = Talk(connect, StabilitySettings(address=address), dict(KEYS))
            life = asyncio.create_task(talk.client.run())
            await talk.first(Ready)
        failed = await talk.refusal(work("stability/core"))
        assert failed.retry and "cannot be reached" in failed.reason
        async with asyncio.timeout(60):
            with pytest.raises(Unreachable):
                await life
