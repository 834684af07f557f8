"""The OpenAI Images engine against a fake of the API: what is sent, what comes back, and every refusal."""

import contextlib
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from backends.contract import Log, Lora, Misconfigured, ModelRef, Offers, Progress, Started, Watch
from backends.openai_api.client import connect
from backends.openai_api.settings import OpenAISettings
from tests.hosted.images import FakeImages, error
from tests.hosted.serving import Reply, opened, picture, serving
from tests.hosted.talking import Talk, talking, work

KEYS = {("ann", "openai_api"): "sk-ann-0123456789"}
MODELS = "gpt-image-2, gpt-image-1, dall-e-3, dall-e-2"


@contextlib.asynccontextmanager
async def engine(fake: FakeImages, **settings: Any) -> AsyncIterator[Talk]:
    """The engine, speaking to the fake."""
    given = {"models": MODELS, **settings}
    async with (
        serving(fake) as address,
        talking(connect, OpenAISettings(address=f"{address}/v1", **given), dict(KEYS)) as talk,
    ):
        yield talk


@pytest.fixture
def fake() -> FakeImages:
    """A service with an account for ann."""
    return FakeImages()


def sent(fake: FakeImages) -> dict[str, Any]:
    """The body of the only request for a picture."""
    (asked,) = fake.drawn
    fields: dict[str, Any] = json.loads(asked.body)
    return fields


class TestAnnouncing:
    async def test_the_models_stand_in_their_folder(self, fake: FakeImages) -> None:
        async with engine(fake, folder="cloud/open") as talk:
            offers = await talk.first(Offers)
        assert [m.name for m in offers.models][:2] == ["cloud/open/gpt-image-2", "cloud/open/gpt-image-1"]

    @pytest.mark.parametrize(
        ("wrong", "named"),
        [
            ({"models": ""}, "Models"),
            ({"models": "a?b"}, "Models"),
            ({"folder": "../x"}, "Folder"),
            ({"sizes": "512"}, "Sizes"),
            ({"sizes": "512x99999"}, "Sizes"),
            ({"address": "http://192.0.2.1/v1"}, "https"),
        ],
    )
    async def test_a_setting_that_cannot_work_is_named(self, wrong: dict[str, Any], named: str) -> None:
        with pytest.raises(Misconfigured, match=named):
            async with talking(connect, OpenAISettings(**wrong), {}):
                pass


class TestDrawing:
    async def test_any_size_near_the_wanted_one(self, fake: FakeImages) -> None:
        async with engine(fake, quality="low") as talk:
            image = await talk.draw(work("openai/gpt-image-2", width=1000, height=700))
        assert sent(fake) == {
            "model": "gpt-image-2",
            "prompt": "a red boat",
            "n": 1,
            "size": "1008x704",
            "output_format": "png",
            "quality": "low",
            "moderation": "auto",
        }
        assert opened(image.data).size == (1000, 700)
        assert image.notes["drawn_size"] == "1008x704"
        assert image.notes["tokens_used"] == 1100
        assert image.notes["unused_by_engine"] == ["Seed", "Steps", "CFG Scale", "Sampler", "Scheduler"]

    @pytest.mark.parametrize(
        ("model", "wanted", "size"),
        [
            ("gpt-image-2", (64, 64), "816x816"),
            ("gpt-image-2", (4096, 64), "3840x1280"),
            ("gpt-image-2", (4096, 4096), "2880x2880"),
            ("gpt-image-2", (8192, 4096), "3840x1920"),
            ("gpt-image-2", (1024, 1024), "1024x1024"),
            ("gpt-image-1", (832, 1216), "1024x1536"),
            ("gpt-image-1", (512, 512), "1024x1024"),
            ("dall-e-3", (1344, 768), "1792x1024"),
            ("dall-e-2", (500, 500), "512x512"),
        ],
    )
    async def test_the_size_asked_for_is_one_that_the_model_draws(
        self, fake: FakeImages, model: str, wanted: tuple[int, int], size: str
    ) -> None:
        async with engine(fake) as talk:
            image = await talk.draw(work(f"openai/{model}", width=wanted[0], height=wanted[1]))
        assert sent(fake)["size"] == size
        assert opened(image.data).size == wanted

    async def test_older_models_are_asked_for_the_picture_itself(self, fake: FakeImages) -> None:
        async with engine(fake) as talk:
            image = await talk.draw(work("openai/dall-e-3"))
        assert sent(fake)["response_format"] == "b64_json"
        assert image.notes["revised_prompt"] == "A detailed a red boat"

    async def test_a_picture_is_redrawn(self, fake: FakeImages) -> None:
        start = picture((300, 200), (10, 200, 30), "JPEG")
        async with engine(fake) as talk:
            image = await talk.draw(work("openai/gpt-image-1", init_image=start, width=320, height=240))
        (asked,) = fake.drawn
        assert (asked.path, asked.text("size"), asked.text("prompt")) == (
            "/v1/images/edits",
            "1536x1024",
            "a red boat",
        )
        assert opened(asked.form["image"]).size == (360, 240)
        assert "mask" not in asked.form
        assert "Init Image Creativity" in image.notes["unused_by_engine"]  # type: ignore[operator]
        assert opened(image.data).size == (320, 240)

    async def test_only_the_masked_part_changes(self, fake: FakeImages) -> None:
        start, mask = picture((256, 256), (10, 200, 30)), picture((256, 256), (0, 0, 0))
        white = opened(mask).copy()
        white.paste((255, 255, 255), (128, 0, 256, 256))
        fake.made = lambda size: picture(size, (250, 0, 0))
        async with engine(fake) as talk:
            image = await talk.draw(
                work(
                    "openai/gpt-image-1",
                    init_image=start,
                    mask=_encoded(white),
                    extra={"maskblur": 4},
                )
            )
        (asked,) = fake.drawn
        alpha = opened(asked.form["mask"]).getchannel("A")
        assert (alpha.getpixel((0, 0)), alpha.getpixel((255, 255))) == (255, 0)  # transparent is redrawn
        done = opened(image.data)
        assert done.getpixel((10, 128)) == opened(start).getpixel((10, 128))
        assert done.getpixel((250, 128)) == (250, 0, 0)

    async def test_transparency_survives_where_the_format_has_it(self, fake: FakeImages) -> None:
        fake.made = lambda size: picture(size, (250, 0, 0, 100))
        async with engine(fake) as talk:
            webp = await talk.draw(work("openai/gpt-image-1", format="WEBP_LOSSLESS"))
            jpeg = await talk.draw(work("openai/gpt-image-1", format="JPG"))
        assert (opened(webp.data).mode, opened(jpeg.data).mode) == ("RGBA", "RGB")


class TestPreviews:
    @pytest.mark.parametrize("start", [None, picture((64, 64))])
    async def test_partial_images_are_shown_while_it_is_drawn(
        self, fake: FakeImages, start: bytes | None
    ) -> None:
        async with engine(fake, partial_images=2) as talk:
            image = await talk.draw(work("openai/gpt-image-1", init_image=start))
            started = await talk.first(Started)
            told = [report for report in talk.reports if isinstance(report, Progress)]
        assert started.steps == 3
        assert [(one.step, one.steps) for one in told] == [(1, 3), (2, 3)]
        assert opened(told[0].preview or b"").size == (512, 512)
        assert opened(image.data).size == (256, 256)
        assert image.notes["tokens_used"] == 1300

    async def test_none_are_asked_for_when_nobody_wants_any(self, fake: FakeImages) -> None:
        async with engine(fake, partial_images=3) as talk:
            await talk.draw(work("openai/gpt-image-1", previews=False))
            await talk.draw(work("openai/dall-e-3"))
        assert all(b"partial_images" not in asked.body for asked in fake.drawn)

    async def test_who_looks_away_gets_bare_steps(self, fake: FakeImages) -> None:
        fake.pause = 0.2
        async with engine(fake, partial_images=1) as talk:
            asked = work("openai/gpt-image-1")
            talk.submit(asked)
            talk.client.handle(Watch((asked.id,), watched=False))
            await talk.end(asked)
            (told,) = [report for report in talk.reports if isinstance(report, Progress)]
        assert told.preview is None

    async def test_a_stream_that_ends_early_is_no_picture(self, fake: FakeImages) -> None:
        fake.breaks = True
        async with engine(fake, partial_images=1) as talk:
            failed = await talk.refusal(work("openai/gpt-image-1"))
        assert "ended before the picture was finished" in failed.reason

    async def test_an_error_in_the_stream_is_told_in_words(self, fake: FakeImages) -> None:
        told = b'data: {"type": "error", "error": {"code": "moderation_blocked", "message": "No."}}\n\n'
        fake.script = [Reply(200, told, {"content-type": "text/event-stream"})]
        async with engine(fake, partial_images=1) as talk:
            failed = await talk.refusal(work("openai/gpt-image-1"))
        assert "own rules" in failed.reason and '"No."' in failed.reason


class TestCompatibleServers:
    async def test_an_unknown_model_is_asked_for_the_wanted_size(self, fake: FakeImages) -> None:
        fake.key = ""
        async with engine(fake, models="pony", needs_key=False, folder="den") as talk:
            talk.keys.clear()
            image = await talk.draw(work("den/pony", width=240, height=400))
        (asked,) = fake.drawn
        assert "authorization" not in asked.headers
        assert sent(fake)["size"] == "240x400"
        assert "quality" not in sent(fake)
        assert image.data == picture((240, 400))

    async def test_or_for_one_of_the_settings(self, fake: FakeImages) -> None:
        async with engine(fake, models="pony", sizes="512x512, 768x512") as talk:
            await talk.draw(work("openai/pony", width=640, height=400))
        assert sent(fake)["size"] == "768x512"

    async def test_an_address_in_place_of_a_picture_is_not_followed(self, fake: FakeImages) -> None:
        fake.as_address = True
        async with engine(fake, models="pony", service_name="The den") as talk:
            failed = await talk.refusal(work("openai/pony"))
        assert failed.reason.startswith("The den answered with an address instead of a picture")

    @pytest.mark.parametrize(
        "body",
        [
            b"<html>/srv/www</html>",
            b"{}",
            b'{"data": []}',
            b'{"data": [{"b64_json": "%%%"}]}',
            b'{"data": [{"b64_json": "aGFsbG8="}]}',
            b'{"data": {"b64_json": 3}}',
        ],
    )
    async def test_an_answer_of_another_kind(self, fake: FakeImages, body: bytes) -> None:
        fake.script = [Reply(200, body)]
        async with engine(fake) as talk:
            failed = await talk.refusal(work("openai/gpt-image-1"))
        assert failed.reason.startswith(("OpenAI answered", "The answer of OpenAI"))
        assert "srv" not in failed.reason

    async def test_a_server_that_wants_a_key_after_all(self, fake: FakeImages) -> None:
        async with engine(fake, needs_key=False) as talk:
            failed = await talk.refusal(work("openai/gpt-image-1"))
        assert "an administrator can turn on Needs Key" in failed.reason


class TestRefusing:
    @pytest.mark.parametrize(
        ("model", "options", "named"),
        [
            ("gpt-image-1", {"negative_prompt": "rain"}, "Negative Prompt"),
            ("gpt-image-1", {"loras": (Lora(ModelRef("x", "")),)}, "LoRAs"),
            ("gpt-image-1", {"prompt": "x" * 32_001}, "Prompt"),
            ("dall-e-3", {"prompt": "x" * 4_001}, "Prompt"),
            ("dall-e-3", {"init_image": picture((64, 64))}, "Init Image"),
            ("gpt-image-1", {"init_image": picture((64, 64)), "mask": b"?"}, "Mask Image"),
        ],
    )
    async def test_before_anything_is_sent(
        self, fake: FakeImages, model: str, options: dict[str, Any], named: str
    ) -> None:
        async with engine(fake) as talk:
            failed = await talk.refusal(work(f"openai/{model}", **options))
        assert failed.reason.startswith(f"{named}:")
        assert fake.drawn == []

    async def test_without_a_key_it_says_where_to_store_one(self, fake: FakeImages) -> None:
        async with engine(fake) as talk:
            talk.keys.clear()
            failed = await talk.refusal(work("openai/gpt-image-1"))
        assert "SetAPIKey with the key type openai_api" in failed.reason
        assert fake.drawn == []

    async def test_a_wrong_key_is_not_repeated_in_parts(self, fake: FakeImages) -> None:
        async with engine(fake) as talk:
            talk.keys["ann", "openai_api"] = "sk-wrong-and-secret"
            failed = await talk.refusal(work("openai/gpt-image-1"))
        assert "does not accept your key" in failed.reason
        assert "sk-" not in str(talk.reports) and "cret" not in str(talk.reports)

    @pytest.mark.parametrize(
        ("reply", "said"),
        [
            (
                error(400, "It is flagged.", "image_generation_user_error", "moderation_blocked"),
                'own rules.*"It is',
            ),
            (error(400, "No.", "invalid_request_error", "content_policy_violation"), "own rules"),
            (error(400, "Bad size.", "invalid_request_error", "invalid_value"), 'refuses.*"Bad size."'),
            (error(400, "Limit.", "invalid_request_error", "billing_hard_limit_reached"), "no credit left"),
            (error(403, "Organization must be verified.", "invalid_request_error"), '"Organization must be'),
            (error(404, "No such model.", "invalid_request_error", "model_not_found"), "does not offer"),
            (error(429, "Pay first.", "insufficient_quota", "insufficient_quota"), "no credit left"),
            (error(500, "Oops.", "server_error"), "trouble of its own"),
            (error(503, "Overloaded.", "server_error"), "trouble of its own"),
            (Reply(500, b'{"error": "plain text"}'), '"plain text"'),
            (Reply(500, b'{"detail": [1]}'), "later.$"),
            (Reply(400, b"/home"), "refuses the request.$"),
        ],
    )
    async def test_its_errors_are_passed_on_in_words(self, fake: FakeImages, reply: Reply, said: str) -> None:
        fake.script = [reply]
        async with engine(fake) as talk:
            failed = await talk.refusal(work("openai/gpt-image-1"))
        assert re.search(said, failed.reason), failed.reason
        assert len(fake.drawn) == 1

    async def test_its_limits_are_waited_for(self, fake: FakeImages) -> None:
        fake.script = [
            error(429, "Slow.", "requests", "rate_limit_exceeded", retry_after_ms="60"),
            error(503, "Slow.", "service_unavailable_error", "slow_down", retry_after="0"),
        ]
        async with engine(fake) as talk:
            await talk.draw(work("openai/gpt-image-1"))
            assert len([report for report in talk.reports if isinstance(report, Log)]) == 2
        assert len(fake.drawn) == 3


def _encoded(image: Any) -> bytes:
    import io

    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
