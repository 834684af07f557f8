"""Hashing, reading, editing, renaming and deleting of models, and what users keep that names them."""

import base64
import hashlib
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from hub.accounts import Accounts
from hub.catalog import Catalog
from tests.hub.catalog.conftest import write_folder, write_safetensors
from tests.hub.running import RunningHub

SD, LORA = "Stable-Diffusion", "LoRA"
IN_FILE = pytest.mark.hub_settings("models.metadata=file")
HASH = "0x" + hashlib.sha256(b"\0\0\0\0").hexdigest()
EDIT = {
    "title": "A title",
    "author": "Ann",
    "type": "stable-diffusion-xl-v1-base",
    "description": "Draws <b>things</b>\nwell",
    "standard_width": 896,
    "standard_height": 1024,
    "usage_hint": "gently",
    "date": "2026-01-02",
    "license": "CC0",
    "trigger_phrase": "abc, def",
    "prediction_type": "v",
    "tags": "one, two,,",
    "lora_default_weight": "0.75",
    "lora_default_confinement": "5",
    "is_negative_embedding": True,
}
NOTED = {
    "title": "A title",
    "author": "Ann",
    "architecture": "stable-diffusion-xl-v1-base",
    "description": "Draws <b>things</b>\nwell",
    "standard_width": 896,
    "standard_height": 1024,
    "resolution": "896x1024",
    "usage_hint": "gently",
    "date": "2026-01-02",
    "license": "CC0",
    "trigger_phrase": "abc, def",
    "prediction_type": "v",
    "tags": ["one", "two"],
    "lora_default_weight": "0.75",
    "lora_default_confinement": "5",
    "is_negative_embedding": True,
}
EMPTY = {key: 0 if isinstance(value, int) else "" for key, value in EDIT.items()} | {
    "is_negative_embedding": False
}


def picture(kind: str = "PNG") -> str:
    made = BytesIO()
    Image.new("RGB", (20, 10), "red").save(made, kind)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(made.getvalue()).decode()}"


def top(hub: RunningHub, subtype: str = SD) -> Path:
    return hub.app.board.settings.folders.models[0] / subtype


def left(hub: RunningHub, subtype: str = SD) -> list[str]:
    folder = top(hub, subtype)
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


async def fill(hub: RunningHub) -> None:
    folder = top(hub)
    write_safetensors(folder / "sub/a.safetensors", modelspec__title="Old", title="Older", keep="this")
    (folder / "sub/a.swarm.json").write_text('{"modelspec.usage_hint": "x", "mine": 3}')
    (folder / "sub/a.preview.png").write_bytes(base64.b64decode(picture().partition(",")[2]))
    (folder / "old.ckpt").write_bytes(b"x")
    write_folder(folder / "pipe", notes={"title": "Pipe", "class": "stable-diffusion-v1"})
    await hub.room(Catalog).refresh()


async def described(hub: RunningHub, name: str, subtype: str = SD) -> dict[str, Any]:
    answer: dict[str, Any] = (await hub.call("DescribeModel", modelName=name, subtype=subtype))["model"]
    return answer


def noted(model: dict[str, Any]) -> dict[str, Any]:
    return {key: model[key] for key in NOTED}


class TestContents:
    async def test_hash_is_of_the_tensors_and_stays_with_the_model(self, hub: RunningHub) -> None:
        await fill(hub)
        assert await hub.call("GetModelHash", modelName="sub/a") == {"hash": HASH}
        write_safetensors(top(hub, LORA) / "l.safetensors")
        await hub.room(Catalog).refresh()
        assert (await described(hub, "l", LORA))["hash"] == ""
        assert await hub.call("GetModelHash", modelName="l", subtype=LORA) == {"hash": HASH}
        await hub.room(Catalog).refresh()
        assert (await described(hub, "l", LORA))["hash_sha256"] == HASH

    async def test_headers_are_the_files_own(self, hub: RunningHub) -> None:
        await fill(hub)
        headers = (await hub.call("GetModelHeaders", model="sub/a", subtype=SD))["headers"]
        assert headers["weight"] == {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
        assert headers["__metadata__"]["keep"] == "this"

    @pytest.mark.parametrize("name", ["old.ckpt", "pipe"])
    async def test_what_has_no_tensors_to_read(self, hub: RunningHub, name: str) -> None:
        await fill(hub)
        assert "cannot be used" in (await hub.call("GetModelHash", modelName=name))["error"]
        assert "cannot be used" in (await hub.call("GetModelHeaders", model=name))["error"]

    async def test_what_comes_with_an_engine_can_be_read(self, hub: RunningHub) -> None:
        assert (await hub.call("GetModelHash", modelName="starter"))["hash"].startswith("0x")
        assert (await hub.call("GetModelHeaders", model="starter"))["headers"]

    async def test_a_file_that_went_away(self, hub: RunningHub) -> None:
        await fill(hub)
        (top(hub) / "sub/a.safetensors").unlink()
        answer = await hub.call("GetModelHash", modelName="sub/a")
        assert answer["error"] == "Model not found."
        assert "refresh" in answer["reason"]


@pytest.mark.parametrize("setting", ["beside", pytest.param("file", marks=IN_FILE)])
class TestEdit:
    async def test_everything_is_noted_and_taken_back(self, hub: RunningHub, setting: str) -> None:
        await fill(hub)
        assert await hub.call("EditModelMetadata", model="sub/a", **EDIT) == {"success": True}
        assert noted(await described(hub, "sub/a")) == NOTED
        headers = (await hub.call("GetModelHeaders", model="sub/a"))["headers"]["__metadata__"]
        assert headers["keep"] == "this"
        assert headers["modelspec.title"] == ("A title" if setting == "file" else "Old")
        assert await hub.call("GetModelHash", modelName="sub/a") == {"hash": HASH}
        assert json.loads((top(hub) / "sub/a.swarm.json").read_text())["mine"] == 3
        await hub.call("EditModelMetadata", model="sub/a", **EMPTY)
        model = await described(hub, "sub/a")
        assert (model["title"], model["tags"], model["author"]) == ("a", None, None)
        assert model["usage_hint"] is None

    async def test_a_picture_comes_stays_and_goes(self, hub: RunningHub, setting: str) -> None:
        await fill(hub)
        for kind in ("PNG", "JPEG", "WEBP"):
            done = await hub.call(
                "EditModelMetadata",
                model="sub/a",
                **EDIT,
                preview_image=picture(kind),
                preview_image_metadata='{"seed": 1}',
            )
            assert done == {"success": True}
            url = (await described(hub, "sub/a"))["preview_image"]
            assert url.startswith("data:image/jpeg;base64,")
            with Image.open(BytesIO(base64.b64decode(url.partition(",")[2]))) as shown:
                assert (shown.size, shown.info["comment"]) == ((20, 10), b'{"seed": 1}')
        assert (setting == "file") is not (top(hub) / "sub/a.jpg").exists()
        await hub.call("EditModelMetadata", model="sub/a", **EDIT)
        assert (await described(hub, "sub/a"))["preview_image"].startswith("data:")
        await hub.call("EditModelMetadata", model="sub/a", **EDIT, preview_image="clear")
        assert (await described(hub, "sub/a"))["preview_image"] == "imgs/model_placeholder.jpg"
        assert left(hub) == [
            "old.ckpt",
            "pipe/hub.json",
            "pipe/model_index.json",
            "sub/a.safetensors",
            "sub/a.swarm.json",
        ]

    async def test_folders_and_their_hub_json(self, hub: RunningHub, setting: str) -> None:
        await fill(hub)
        done = await hub.call("EditModelMetadata", model="pipe", **EDIT, preview_image=picture())
        assert done == {"success": True}
        model = await described(hub, "pipe")
        assert noted(model) == NOTED
        assert model["preview_image"].startswith("data:image/jpeg")
        assert "pipe.swarm.json" in left(hub)

    @pytest.mark.parametrize(
        ("changed", "field"),
        [
            ({"type": "no-such-class"}, "type"),
            ({"standard_width": -1}, "standard_width"),
            ({"standard_height": 10**6}, "standard_height"),
            ({"lora_default_weight": "much"}, "lora_default_weight"),
            ({"lora_default_weight": "nan"}, "lora_default_weight"),
            ({"description": "x" * 300_000}, "description"),
            ({"title": "a\0b"}, "title"),
            ({"preview_image": "data:image/png;base64,AAAA"}, "preview_image"),
            ({"preview_image": "https://elsewhere.example/a.png"}, "preview_image"),
            ({"model": "none such"}, "model"),
            ({"subtype": "Sounds"}, "subtype"),
        ],
    )
    async def test_refused_by_name(
        self, hub: RunningHub, setting: str, changed: dict[str, Any], field: str
    ) -> None:
        await fill(hub)
        before = left(hub)
        answer = await hub.call("EditModelMetadata", **{"model": "sub/a", **EDIT, **changed})
        assert answer["error"]
        assert answer["field"] == field
        assert (left(hub), (await described(hub, "sub/a"))["title"]) == (before, "Old")

    async def test_what_comes_with_an_engine_stays(self, hub: RunningHub, setting: str) -> None:
        assert "comes with the hub" in (await hub.call("EditModelMetadata", model="starter", **EDIT))["error"]

    async def test_what_cannot_be_written(self, hub: RunningHub, setting: str) -> None:
        await fill(hub)
        (top(hub) / "sub/a.swarm.json").unlink()
        (top(hub) / "sub/a.swarm.json").mkdir()
        if setting == "file":
            (top(hub) / "sub/a.safetensors").unlink()
        answer = await hub.call("EditModelMetadata", model="sub/a", **EDIT)
        assert answer["error"]
        assert not [name for name in left(hub) if "/." in name]


class TestEditAdded:
    async def test_every_field_is_required(self, hub: RunningHub) -> None:
        await fill(hub)
        answer = await hub.call("EditModelMetadata", model="sub/a", title="x")
        assert answer["error"].startswith("Missing required parameter")

    async def test_a_picture_in_the_header_can_be_hidden(self, hub: RunningHub) -> None:
        write_safetensors(top(hub) / "p.safetensors", modelspec__thumbnail=picture())
        await hub.room(Catalog).refresh()
        assert (await described(hub, "p"))["preview_image"].startswith("data:")
        await hub.call("EditModelMetadata", model="p", **EDIT, preview_image="clear")
        assert (await described(hub, "p"))["preview_image"] == "imgs/model_placeholder.jpg"


async def keep_names(hub: RunningHub, name: str) -> None:
    """Stars, links and presets that name a model with and without its ending."""
    stem = name.removesuffix(".safetensors")
    await hub.call("SetStarredModels", **{SD: [stem, "other"], LORA: [name, stem]})
    await hub.call("SetPresetLinks", **{LORA: {name: ["One"], "other": ["Two"]}})
    await hub.call(
        "AddNewPreset",
        title="One",
        description="",
        raw={"param_map": {"loras": f"other,{stem}", "prompt": name, "model": stem}},
    )


async def kept(hub: RunningHub) -> dict[str, Any]:
    answer: dict[str, Any] = await hub.call("GetMyUserData")
    return answer


class TestRename:
    async def test_everything_follows(self, hub: RunningHub) -> None:
        folder = top(hub, LORA)
        write_safetensors(folder / "a.safetensors")
        (folder / "a.swarm.json").write_text('{"modelspec.title": "Mine"}')
        (folder / "a.jpg").write_bytes(b"\xff\xd8\xff")
        await hub.room(Catalog).refresh()
        await keep_names(hub, "a.safetensors")
        answer = await hub.call("RenameModel", oldName="a", newName="sub\\b", subtype=LORA)
        assert answer == {"name": "sub/b.safetensors", "success": True}
        assert left(hub, LORA) == ["sub/b.jpg", "sub/b.safetensors", "sub/b.swarm.json"]
        assert (await described(hub, "sub/b", LORA))["title"] == "Mine"
        assert (await hub.call("DescribeModel", modelName="a", subtype=LORA))["error"] == "Model not found."
        data = await kept(hub)
        assert data["starred_models"] == {SD: ["a", "other"], LORA: ["sub/b.safetensors", "sub/b"]}
        assert data["model_preset_links"] == {LORA: {"other": ["Two"], "sub/b.safetensors": ["One"]}}
        params = data["presets"][0]["param_map"]
        assert params["loras"] == "other,sub/b"
        assert (params["prompt"], params["model"]) == ("a.safetensors", "a")

    async def test_a_folder_and_what_lies_beside_it(self, hub: RunningHub) -> None:
        await fill(hub)
        (top(hub) / "pipe.swarm.json").write_text("{}")
        assert (await hub.call("RenameModel", oldName="pipe", newName="x/tube"))["name"] == "x/tube"
        assert "x/tube/model_index.json" in left(hub)
        assert "x/tube.swarm.json" in left(hub)
        into = await hub.call("RenameModel", oldName="x/tube", newName="x/tube/in")
        assert "into itself" in into["error"]

    async def test_a_twin_keeps_its_companions(self, hub: RunningHub) -> None:
        await fill(hub)
        (top(hub) / "sub/a.ckpt").write_bytes(b"x")
        await hub.room(Catalog).refresh()
        await hub.call("RenameModel", oldName="sub/a", newName="b")
        assert {"sub/a.swarm.json", "b.swarm.json", "b.preview.png", "sub/a.ckpt"} <= set(left(hub))
        await hub.call("DeleteModel", modelName="b")
        assert "b.swarm.json" not in left(hub)

    async def test_the_ending_stays(self, hub: RunningHub) -> None:
        await fill(hub)
        assert (await hub.call("RenameModel", oldName="old.ckpt", newName="new"))["name"] == "new.ckpt"
        answer = await hub.call("RenameModel", oldName="new.ckpt", newName="b.ckpt")
        assert answer["name"] == "b.ckpt"

    @pytest.mark.parametrize("new", ["", "..", "../x", "a/../../x", "/", ".x", "nul", "sub/a", "x\0", "busy"])
    async def test_names_that_are_refused(self, hub: RunningHub, new: str) -> None:
        await fill(hub)
        write_safetensors(top(hub) / "busy.safetensors")
        before = left(hub)
        answer = await hub.call("RenameModel", oldName="sub/a", newName=new)
        assert answer["field"] == "newName"
        assert left(hub) == before

    async def test_a_companion_is_never_written_over(self, hub: RunningHub) -> None:
        await fill(hub)
        (top(hub) / "b.swarm.json").write_text("precious")
        before = left(hub)
        assert "error" in await hub.call("RenameModel", oldName="sub/a", newName="b")
        assert left(hub) == before

    async def test_what_comes_with_an_engine_stays(self, hub: RunningHub) -> None:
        answer = await hub.call("RenameModel", oldName="starter", newName="x")
        assert "comes with the hub" in answer["error"]
        assert "comes with the hub" in (await hub.call("DeleteModel", modelName="starter"))["error"]

    async def test_tags_of_presets_and_wildcards_name_it_as_it_is_called_now(self, hub: RunningHub) -> None:
        write_safetensors(top(hub, LORA) / "sub/a.safetensors")
        await hub.room(Catalog).refresh()
        texts = {"prompt": "{value} <lora:sub/a:0.5>", "negativeprompt": "no <lora:sub/ab>"}
        await hub.call("AddNewPreset", title="Tagged", description="", param_map=texts)
        await hub.call("EditWildcard", card="styles", options="<lora:sub/a.safetensors> ink\nplain")
        answer = await hub.call("RenameModel", oldName="sub/a", newName="b", subtype=LORA)
        assert answer["name"] == "b.safetensors"
        (preset,) = [one for one in (await kept(hub))["presets"] if one["title"] == "Tagged"]
        assert preset["param_map"] == {"prompt": "{value} <lora:b:0.5>", "negativeprompt": "no <lora:sub/ab>"}
        card = await hub.call("DescribeModel", modelName="styles", subtype="Wildcards")
        assert card["raw"] == "<lora:b.safetensors> ink\nplain"


class TestDelete:
    async def test_with_notes_pictures_and_names(self, hub: RunningHub) -> None:
        await fill(hub)
        write_safetensors(top(hub, LORA) / "sub/a.safetensors")
        await hub.room(Catalog).refresh()
        await keep_names(hub, "sub/a.safetensors")
        assert await hub.call("DeleteModel", modelName="sub/a") == {"success": True}
        assert left(hub) == ["old.ckpt", "pipe/hub.json", "pipe/model_index.json"]
        assert not (top(hub) / "sub").exists()
        assert left(hub, LORA) == ["sub/a.safetensors"]
        data = await kept(hub)
        assert data["starred_models"] == {SD: ["other"], LORA: ["sub/a.safetensors", "sub/a"]}
        assert await hub.call("DeleteModel", modelName="sub/a", subtype=LORA) == {"success": True}
        data = await kept(hub)
        assert data["starred_models"][LORA] == []
        assert data["model_preset_links"] == {LORA: {"other": ["Two"]}}
        assert data["presets"][0]["param_map"]["loras"] == "other,sub/a"

    async def test_a_folder_and_a_link_to_one(self, hub: RunningHub, tmp_path: Path) -> None:
        await fill(hub)
        far = write_folder(tmp_path / "far")
        (top(hub) / "link").symlink_to(far)
        await hub.room(Catalog).refresh()
        assert await hub.call("DeleteModel", modelName="link") == {"success": True}
        assert (far / "model_index.json").exists()
        assert await hub.call("DeleteModel", modelName="pipe") == {"success": True}
        assert not (top(hub) / "pipe").exists()

    async def test_one_that_is_gone_already(self, hub: RunningHub) -> None:
        await fill(hub)
        (top(hub) / "sub/a.safetensors").unlink()
        assert (await hub.call("DeleteModel", modelName="sub/a"))["error"] == "Model not found."
        assert (await hub.call("DeleteModel", modelName="none"))["field"] == "modelName"


class TestUtil:
    async def test_wipe_reads_everything_anew(self, hub: RunningHub) -> None:
        await fill(hub)
        assert await hub.call("WipeMetadata") == {"success": True}
        assert (await described(hub, "sub/a"))["usage_hint"] == "x"

    async def test_old_files_are_written_anew_beside_themselves(self, hub: RunningHub) -> None:
        await fill(hub)
        torch.save({"state_dict": {"w": torch.ones(4)}, "epoch": 2}, top(hub) / "sub/good.pt")
        torch.save({"w": torch.ones(4)}, top(hub) / "sub/a.ckpt")
        await hub.room(Catalog).refresh()
        answer = await hub.call("Pickle2SafeTensor", type=SD, fp16=True)
        assert answer["success"] is True
        assert answer["converted"] == ["sub/good.safetensors"]
        assert answer["skipped"] == ["sub/a.ckpt"]
        assert list(answer["failed"]) == ["old.ckpt"]
        assert "no model file of PyTorch" in answer["failed"]["old.ckpt"]
        assert {"sub/good.pt", "sub/good.safetensors", "sub/a.ckpt", "old.ckpt"} <= set(left(hub))
        assert not [name for name in left(hub) if "converting" in name]
        assert load_file(top(hub) / "sub/good.safetensors")["w"].dtype == torch.float16
        assert (await described(hub, "sub/good.safetensors"))["is_supported_model_format"] is True
        again = await hub.call("Pickle2SafeTensor", type=SD, fp16=False)
        assert again["skipped"] == ["sub/a.ckpt", "sub/good.pt"]
        assert (await hub.call("Pickle2SafeTensor", type="Trees", fp16=False))["field"] == "type"

    async def test_flags(self, hub: RunningHub) -> None:
        session = await hub.session_as("user")
        for route in ("WipeMetadata", "Pickle2SafeTensor", "DeleteModel", "RenameModel", "GetModelHash"):
            assert (await hub.call(route, session_id=session))["error_id"] == "bad_permissions"
        assert hub.room(Accounts)
