"""Hosted engines in a running hub: users' keys go in over the API, pictures come out over it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from backends.hosted import client as hosted
from tests.hosted.images import FakeImages
from tests.hosted.serving import FakeServer, opened, serving
from tests.hosted.stability import FakeStability, error
from tests.hub.running import RunningHub, running


@contextlib.asynccontextmanager
async def hub_with(fake: FakeServer, line: str, data: Path, stuck: str = "600") -> AsyncIterator[RunningHub]:
    """A hub with this one engine, at the fake's address."""
    async with serving(fake) as address:
        overrides = {"engines.types": line.format(address), "engines.start_at_boot": "true"}
        overrides["engines.stuck_seconds"] = stuck
        async with running(data, overrides) as hub:
            async with asyncio.timeout(60):
                while not await offered(hub):  # noqa: ASYNC110 (told by no event)
                    await asyncio.sleep(0.05)  # its models come with the engine's first word
            yield hub


async def offered(hub: RunningHub) -> list[str]:
    """The models that ListModels shows."""
    listed = await hub.call("ListModels", path="", depth=10, subtype="Stable-Diffusion")
    return [file["name"] for file in listed["files"] if file["name"].startswith(("stability/", "openai/"))]


async def pictures(hub: RunningHub, **asked: Any) -> tuple[list[bytes], list[dict[str, Any]]]:
    """The pictures of a request, and every frame that tells an error."""
    frames = await hub.talk("GenerateText2ImageWS", **{"images": 1, "prompt": "a red boat", **asked})
    found = [frame["image"] for frame in frames if frame.get("image")]
    files = [(await hub.http.get("/" + image.lstrip("/"))).content for image in found]
    return files, [frame for frame in frames if "error" in frame]


class TestStability:
    LINE = "stability_api Address={} Models=core;ultra"

    async def test_a_slow_picture_is_not_paid_for_twice(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hosted, "_BEAT", 0.1)
        fake = FakeStability()
        fake.pause = 4.0
        async with hub_with(fake, self.LINE, tmp_path / "data", stuck="1") as hub:
            assert (await hub.call("SetAPIKey", keyType="stability_api", key="sk-ann")).get("success")
            files, errors = await pictures(hub, model="stability/core", width=64, height=64)
            assert len(files) == 1 and errors == []
        assert len(fake.drawn) == 1 and fake.broken == 0

    async def test_a_picture_on_the_users_own_account(self, tmp_path: Path) -> None:
        fake = FakeStability()
        async with hub_with(fake, self.LINE, tmp_path / "data") as hub:
            assert (await hub.call("SetAPIKey", keyType="stability_api", key="sk-ann")).get("success")
            files, errors = await pictures(
                hub, model="stability/core", images=2, width=320, height=192, seed=5
            )
            assert errors == []
            assert [opened(file).size for file in files] == [(320, 192), (320, 192)]
            metadata = opened(files[0]).info["parameters"]
            assert "unused_by_engine" in metadata and "drawn_seed" in metadata
            assert "sk-ann" not in metadata
        assert fake.keys["sk-ann"] == 98
        assert sorted(asked.text("seed") or "" for asked in fake.drawn) == ["5", "6"]

    async def test_without_a_key_the_sentence_tells_where(self, tmp_path: Path) -> None:
        fake = FakeStability()
        async with hub_with(fake, self.LINE, tmp_path / "data") as hub:
            files, errors = await pictures(hub, model="stability/core")
        assert files == [] and fake.drawn == []
        assert "SetAPIKey with the key type stability_api" in errors[0]["error"]

    async def test_what_it_cannot_do_is_refused_by_name(self, tmp_path: Path) -> None:
        fake = FakeStability()
        async with hub_with(fake, self.LINE, tmp_path / "data") as hub:
            await hub.call("SetAPIKey", keyType="stability_api", key="sk-ann")
            _, varied = await pictures(
                hub, model="stability/core", variationseed=3, variationseedstrength=0.5
            )
            _, tiled = await pictures(hub, model="stability/core", refinerupscale=2, refinercontrol=0.3)
        assert "Variation Seed" in varied[0]["error"]
        assert "Refine" in tiled[0]["error"] or "Refiner" in tiled[0]["error"]
        assert fake.drawn == []

    async def test_an_interrupt_breaks_the_call_off(self, tmp_path: Path) -> None:
        fake = FakeStability()
        fake.pause = 30
        async with hub_with(fake, self.LINE, tmp_path / "data") as hub:
            await hub.call("SetAPIKey", keyType="stability_api", key="sk-ann")
            asking = asyncio.create_task(pictures(hub, model="stability/core"))
            await fake.until(lambda: fake.busy == 1)
            await hub.call("InterruptAll", other_sessions=False)
            files, _ = await asyncio.wait_for(asking, 60)
            await fake.until(lambda: fake.broken == 1)
        assert files == []
        assert fake.keys["sk-ann"] == 100

    async def test_its_errors_reach_the_user_in_words(self, tmp_path: Path) -> None:
        fake = FakeStability()
        fake.script = [error(402, "payment_required", "You lack sufficient credits.")]
        async with hub_with(fake, self.LINE, tmp_path / "data") as hub:
            await hub.call("SetAPIKey", keyType="stability_api", key="sk-ann")
            _, errors = await pictures(hub, model="stability/ultra")
        assert "too few credits" in errors[0]["error"]


class TestImages:
    LINE = "openai_api Address={}/v1 Models=gpt-image-1;dall-e-3"

    async def test_a_picture_on_the_users_own_account(self, tmp_path: Path) -> None:
        fake = FakeImages()
        async with hub_with(fake, self.LINE, tmp_path / "data") as hub:
            assert await offered(hub) == ["openai/dall-e-3", "openai/gpt-image-1"]
            await hub.call("SetAPIKey", keyType="openai_api", key=fake.key)
            files, errors = await pictures(
                hub, model="openai/gpt-image-1", width=512, height=768, imageformat="JPG"
            )
        assert errors == []
        assert (opened(files[0]).size, opened(files[0]).format) == ((512, 768), "JPEG")

    @pytest.mark.parametrize("model", ["openai/gpt-image-1", "openai/dall-e-3"])
    async def test_a_negative_prompt_is_refused_by_name(self, tmp_path: Path, model: str) -> None:
        fake = FakeImages()
        async with hub_with(fake, self.LINE, tmp_path / "data") as hub:
            await hub.call("SetAPIKey", keyType="openai_api", key=fake.key)
            _, errors = await pictures(hub, model=model, negativeprompt="rain")
        assert errors[0]["error"].startswith("Negative Prompt:")
        assert fake.drawn == []


@pytest.mark.parametrize("beside", ["", ",diffusers_local"])
@pytest.mark.parametrize(
    ("model", "sampler", "scheduler"),
    [("stability/core", "dpmpp_sde", "karras"), ("stability/sd3.5-large", "euler", "simple")],
)
async def test_samplers_and_schedulers_ask_nothing_of_a_service(
    tmp_path: Path, model: str, sampler: str, scheduler: str, beside: str
) -> None:
    fake = FakeStability()
    async with hub_with(fake, "stability_api Address={}" + beside, tmp_path / "data") as hub:
        await hub.call("SetAPIKey", keyType="stability_api", key="sk-ann")
        asked = {"model": model, "width": 256, "height": 256, "steps": 50}
        files, errors = await pictures(hub, **asked, sampler=sampler, scheduler=scheduler)
    assert errors == []
    assert len(files) == 1


async def test_a_class_brings_its_own_guidance(tmp_path: Path) -> None:
    fake = FakeStability()
    async with hub_with(fake, "stability_api Address={}", tmp_path / "data") as hub:
        await hub.call("SetAPIKey", keyType="stability_api", key="sk-ann")
        _, errors = await pictures(hub, model="stability/sd3.5-large")
    assert errors == []
    assert fake.drawn[0].text("cfg_scale") == "4.5"
    assert fake.drawn[0].text("aspect_ratio") == "1:1"
