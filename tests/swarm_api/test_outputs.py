"""OpenImageFolder and ExtractVideoAudio, with and without the programs they need."""

import base64
import stat
import sys
from pathlib import Path

import pytest
from PIL import Image

from hub.media import Media
from hub.media.folder_window import NoFileManager, command_for
from hub.media.sound import NoSound, kind_of
from tests.swarm_api.sketching import SETTINGS, SMALL, Tenant, tenant

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(sys.platform == "win32", reason="its stand-ins for programs are shell scripts"),
]
HUB_SETTINGS = SETTINGS
hub = tenant
MP4 = b"\0\0\0\x18ftypisom" + b"\0" * 40


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def program(folder: Path, name: str, script: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


def as_url(data: bytes) -> str:
    return f"data:video/mp4;base64,{base64.b64encode(data).decode()}"


class TestOpeningAFolder:
    async def test_the_window_shows_the_folder_of_the_image(
        self, hub: Tenant, programs: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DISPLAY", ":0")
        told = programs / "told"
        program(programs, "xdg-open", f'echo "$1" > {told}')
        folder = hub.room(Media).outputs.home(hub.user) / "raw" / "a b"
        folder.mkdir(parents=True)
        (folder / "x.png").write_bytes(b"x")
        assert await hub.call("OpenImageFolder", path="raw/a b/x.png") == {"success": True}
        assert told.read_text().strip() == str(folder)
        assert await hub.call("OpenImageFolder", path="") == {"success": True}
        for path in ("raw/none", "../..", "/etc"):
            assert (await hub.call("OpenImageFolder", path=path))["field"] == "path"
        program(programs, "xdg-open", "exit 3")
        assert "ended with code 3" in (await hub.call("OpenImageFolder", path=""))["error"]

    async def test_plain_reasons_where_there_is_no_window(
        self, hub: Tenant, programs: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (hub.room(Media).outputs.home(hub.user)).mkdir(parents=True, exist_ok=True)
        monkeypatch.delenv("DISPLAY", raising=False)
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        assert "without a desktop" in (await hub.call("OpenImageFolder", path=""))["error"]
        monkeypatch.setenv("DISPLAY", ":0")
        assert "xdg-open" in (await hub.call("OpenImageFolder", path=""))["error"]

    async def test_not_from_elsewhere_and_not_without_the_flag(self, hub: Tenant) -> None:
        answer = await hub.http.post(
            "/API/OpenImageFolder",
            json={"session_id": hub.session, "path": ""},
            headers={"X-Forwarded-For": "203.0.113.5"},
        )
        assert "machine the hub runs on" in answer.json()["error"]
        guest = await hub.session_as("user")
        refused = await hub.http.post("/API/OpenImageFolder", json={"session_id": guest, "path": ""})
        assert refused.json()["error_id"] == "bad_permissions"

    async def test_commands_by_platform(self) -> None:
        folder = Path("/x y")
        assert command_for(folder, "darwin", {}, lambda _: None) == ["/usr/bin/open", str(folder)]
        assert command_for(folder, "win32", {}, lambda _: None)[0] == "explorer.exe"
        only_gio = command_for(folder, "linux", {"WAYLAND_DISPLAY": "w"}, lambda n: n if n == "gio" else None)
        assert only_gio == ["gio", "open", str(folder)]
        with pytest.raises(NoFileManager):
            command_for(folder, "linux", {}, lambda name: name)


class TestTakingSound:
    async def test_without_ffmpeg_the_answer_says_what_to_do(self, hub: Tenant, programs: Path) -> None:
        answer = await hub.call("ExtractVideoAudio", video=as_url(MP4))
        assert answer["field"] == "video" and "Install ffmpeg" in answer["error"]

    async def test_the_sound_joins_the_history(self, hub: Tenant, programs: Path) -> None:
        told = programs / "told"
        program(programs, "ffmpeg", f'echo "$@" > {told}; for last; do :; done; printf sound > "$last"')
        answer = await hub.call("ExtractVideoAudio", video=as_url(MP4), filename="../my: sound")
        assert answer["audio"]["path"] == "raw/sounds/my sound.mp3"
        assert answer["audio"]["src"] == answer["images"][0]["image"]
        assert (await hub.http.get("/" + answer["audio"]["src"])).content == b"sound"
        assert "-f mov -i" in told.read_text()
        listed = await hub.call("ListImages", path="raw/sounds", depth=1)
        assert [file["src"] for file in listed["files"]] == ["my sound.mp3"]
        video = hub.room(Media).outputs.home(hub.user) / "raw" / "film.mp4"
        video.write_bytes(MP4)
        again = await hub.call("ExtractVideoAudio", video="raw/film.mp4")
        assert again["audio"]["path"] == "raw/sounds/film.mp3"
        assert again["images"][0]["request_id"] == "1002"

    async def test_refusals(self, hub: Tenant, programs: Path) -> None:
        program(programs, "ffmpeg", 'echo "Stream map 0:a:0 matches no streams." >&2; exit 1')
        (hub.room(Media).outputs.home(hub.user)).mkdir(parents=True, exist_ok=True)
        assert (await hub.call("ExtractVideoAudio", video=as_url(MP4)))["error"] == "The video has no sound."
        for video in ("", "x", "/etc/passwd", "raw/../../x", "data:text/html;base64,eA==", as_url(b"")[:-1]):
            assert (await hub.call("ExtractVideoAudio", video=video))["field"] == "video"
        playlist = as_url(b"#EXTM3U\nfile:///etc/passwd")
        assert "none of MP4" in (await hub.call("ExtractVideoAudio", video=playlist))["error"]
        assert list((hub.room(Media).outputs.home(hub.user) / ".pending").iterdir()) == []

    async def test_kinds(self) -> None:
        assert kind_of(b"\x1a\x45\xdf\xa3" + b"\0" * 12) == "matroska"
        with pytest.raises(NoSound):
            kind_of(b"#EXTM3U")


class TestHowPicturesAreKept:
    """The user's own settings for files (swarm-api §6, FileFormat and OutPathBuilder)."""

    async def test_dots_stealth_side_file_and_bare_model_names(self, hub: Tenant) -> None:
        settings = {
            "FileFormat.DPI": 300,
            "FileFormat.StealthMetadata": "Alpha",
            "FileFormat.SaveTextFileMetadata": True,
            "OutPathBuilder.Format": "[model_title]/[month_name] [day_name] [width]x[height] [cfg_scale] [x]",
        }
        await hub.call("ChangeUserSettings", settings=settings)
        answer = await hub.call("GenerateText2Image", **{**SMALL, "prompt": "red"})
        file = hub.room(Media).outputs.root / str(answer["images"][0]).removeprefix("View/")
        assert "64x64" in file.name and "[x]" in file.name and "month" not in file.name
        with Image.open(file) as picture:
            assert picture.mode == "RGBA" and picture.info["dpi"][0] == pytest.approx(300, abs=0.01)
            text = picture.info["parameters"]
        assert file.with_suffix(".swarm.json").read_text() == text
        path = "/".join(file.parts[-2:])
        assert (await hub.call("DeleteImage", path=path)) == {"success": True}
        assert not file.with_suffix(".swarm.json").exists()

    async def test_what_is_not_saved_is_a_png_unless_wished_otherwise(self, hub: Tenant) -> None:
        await hub.call("ChangeUserSettings", settings={"FileFormat.ImageFormat": "JPG"})
        body = {**SMALL, "prompt": "red", "donotsave": True}

        async def kind(**more: str) -> str:
            answer = await hub.call("GenerateText2Image", **body, **more)
            return str(answer["images"][0]).partition(";")[0]

        assert await kind() == "data:image/png"
        assert await kind(imageformat="WEBP") == "data:image/webp"
        await hub.call("ChangeUserSettings", settings={"FileFormat.ReformatTransientImages": True})
        assert await kind() == "data:image/jpeg"


class TestTheMiniGrid:
    async def test_it_comes_before_the_end_and_joins_the_history(self, hub: Tenant) -> None:
        await hub.call("ChangeUserSettings", settings={"MaxImagesInMiniGrid": 4})
        frames = await hub.talk("GenerateText2ImageWS", **{**SMALL, "images": 3, "prompt": "red"})
        shown = [frame for frame in frames if "image" in frame]
        assert [frame["batch_index"] for frame in shown][-1] == "-1" and len(shown) == 4
        kinds = [next(iter(frame)) for frame in frames]
        assert kinds.index("discard_indices") > frames.index(shown[-1])
        with Image.open(hub.room(Media).outputs.root / shown[-1]["image"].removeprefix("View/")) as grid:
            assert grid.size == (128, 128)
        listed = await hub.call("ListImages", path="", depth=9)
        assert len(listed["files"]) == 4
        over = await hub.call("GenerateText2Image", **{**SMALL, "images": 5, "prompt": "red"})
        assert len(over["images"]) == 5
        unsaved = {**SMALL, "images": 2, "prompt": "red", "donotsave": True}
        assert [url[:10] for url in (await hub.call("GenerateText2Image", **unsaved))["images"]] == [
            "data:image"
        ] * 3

    async def test_one_picture_or_the_default_setting_make_none(self, hub: Tenant) -> None:
        assert len((await hub.call("GenerateText2Image", **{**SMALL, "images": 2}))["images"]) == 2
        await hub.call("ChangeUserSettings", settings={"MaxImagesInMiniGrid": 4})
        assert len((await hub.call("GenerateText2Image", **SMALL))["images"]) == 1


class TestWhatNoEngineHereDoes:
    @pytest.mark.parametrize(
        ("key", "value", "name"),
        [
            ("colordepth", "16bit", "Color Depth"),
            ("outputintermediateimages", True, "Output Intermediate Images"),
            ("saveintermediateimages", "true", "Output Intermediate Images"),
        ],
    )
    async def test_it_is_refused_by_name(self, hub: Tenant, key: str, value: object, name: str) -> None:
        answer = await hub.call("GenerateText2Image", **{**SMALL, "prompt": "red", key: value})
        assert name in answer["error"], answer

    async def test_what_asks_for_nothing_more_is_taken(self, hub: Tenant) -> None:
        more = {"colordepth": "8bit", "donotsaveintermediates": True, "forwardrawbackenddata": True}
        frames = await hub.talk("GenerateText2ImageWS", **{**SMALL, "prompt": "red", **more})
        shown = next(frame for frame in frames if "image" in frame)
        assert "unused_parameters" not in shown["metadata"]
        assert not any("raw_backend_data" in frame for frame in frames)
