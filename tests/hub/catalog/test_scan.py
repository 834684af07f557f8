"""Folders become entries; only what changed is read again."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from hub.catalog.entry import Defaults, Entry
from hub.catalog.scan import Root, scan
from tests.hub.catalog.conftest import write_folder, write_safetensors


def only(folder: Path, subtype: str = "Stable-Diffusion") -> Mapping[str, Entry]:
    return scan((Root(subtype, folder),), {})[subtype]


class TestFiles:
    def test_names_keep_folders_and_extension(self, tmp_path: Path) -> None:
        write_safetensors(tmp_path / "b.safetensors")
        write_safetensors(tmp_path / "sdxl" / "a b.sft")
        assert list(only(tmp_path)) == ["b.safetensors", "sdxl/a b.sft"]

    def test_what_the_header_says(self, tmp_path: Path) -> None:
        write_safetensors(
            tmp_path / "m.safetensors",
            modelspec__title="Mountains",
            modelspec__architecture="stable-diffusion-xl-v1-base",
            modelspec__resolution="896x1152",
            modelspec__tags="hills, snow",
            modelspec__author="Ann",
        )
        entry = only(tmp_path)["m.safetensors"]
        assert (entry.title, entry.author, entry.tags) == ("Mountains", "Ann", ("hills", "snow"))
        assert entry.class_id == "stable-diffusion-xl-v1-base"
        assert entry.compat == "stable-diffusion-xl-v1"
        assert entry.size() == (896, 1152)
        assert entry.hash.startswith("0x")

    def test_a_file_without_metadata_is_called_by_its_name(self, tmp_path: Path) -> None:
        write_safetensors(tmp_path / "deep" / "plain.v2.safetensors")
        entry = only(tmp_path)["deep/plain.v2.safetensors"]
        assert entry.title == "plain.v2"
        assert entry.class_id == ""
        assert entry.size() is None

    def test_notes_beside_win_over_the_header(self, tmp_path: Path) -> None:
        write_safetensors(tmp_path / "m.safetensors", modelspec__title="header")
        (tmp_path / "m.swarm.json").write_text(
            json.dumps({"modelspec.title": "beside", "modelspec.tags": ["a", "b"]})
        )
        entry = only(tmp_path)["m.safetensors"]
        assert (entry.title, entry.tags) == ("beside", ("a", "b"))

    def test_hub_notes_win_over_all(self, tmp_path: Path) -> None:
        write_safetensors(tmp_path / "m.safetensors", modelspec__title="header")
        (tmp_path / "m.hub.json").write_text(json.dumps({"title": "ours", "defaults": {"steps": 4}}))
        entry = only(tmp_path)["m.safetensors"]
        assert entry.title == "ours"
        assert entry.defaults == Defaults(steps=4)

    def test_a_preview_beside(self, tmp_path: Path) -> None:
        write_safetensors(tmp_path / "m.safetensors")
        (tmp_path / "m.preview.png").write_bytes(b"png")
        (tmp_path / "m.jpg").write_bytes(b"jpg")
        assert only(tmp_path)["m.safetensors"].preview == tmp_path / "m.jpg"

    @pytest.mark.parametrize("text", ["{", "[]", '{"title": 3}', '{"native_sizes": "big"}'])
    def test_broken_notes_are_left_out(self, tmp_path: Path, text: str) -> None:
        write_safetensors(tmp_path / "m.safetensors", modelspec__title="header")
        (tmp_path / "m.hub.json").write_text(text)
        (tmp_path / "m.swarm.json").write_text(text)
        assert only(tmp_path)["m.safetensors"].supported

    def test_a_damaged_file_is_listed_with_the_reason(self, tmp_path: Path) -> None:
        (tmp_path / "bad.safetensors").write_bytes(b"not a header")
        entry = only(tmp_path)["bad.safetensors"]
        assert not entry.supported
        assert "header" in entry.reason


class TestOtherFormats:
    @pytest.mark.parametrize("ending", [".ckpt", ".pt", ".pth", ".bin"])
    def test_pickles_are_listed_and_never_opened(self, tmp_path: Path, ending: str) -> None:
        path = tmp_path / f"old{ending}"
        path.write_bytes(b"x")
        path.chmod(0)  # opening it would fail
        entry = only(tmp_path)[path.name]
        assert not entry.supported
        assert "run code" in entry.reason

    def test_formats_no_engine_loads(self, tmp_path: Path) -> None:
        (tmp_path / "m.gguf").write_bytes(b"x")
        entry = only(tmp_path)["m.gguf"]
        assert not entry.supported
        assert "No engine" in entry.reason

    def test_hidden_and_foreign_files_are_no_models(self, tmp_path: Path) -> None:
        write_safetensors(tmp_path / ".hidden.safetensors")
        write_safetensors(tmp_path / ".cache" / "m.safetensors")
        (tmp_path / "readme.txt").write_text("hello")
        assert only(tmp_path) == {}


class TestFolders:
    def test_a_pipeline_folder_is_one_model(self, tmp_path: Path) -> None:
        folder = write_folder(tmp_path / "sd" / "tiny", "StableDiffusionXLPipeline")
        write_safetensors(folder / "unet" / "diffusion_pytorch_model.safetensors")
        entries = only(tmp_path)
        assert list(entries) == ["sd/tiny"]
        assert entries["sd/tiny"].class_id == "stable-diffusion-xl-v1-base"
        assert entries["sd/tiny"].hash.startswith("0x")
        assert entries["sd/tiny"].special_format == "diffusers"

    def test_hub_notes_inside(self, tmp_path: Path) -> None:
        write_folder(tmp_path / "m", notes={"title": "T", "native_sizes": [[320, 192]], "class": "starter"})
        entry = only(tmp_path)["m"]
        assert (entry.title, entry.class_id, entry.size()) == ("T", "starter", (320, 192))
        assert entry.ref().native_sizes == ((320, 192),)

    def test_a_built_in_one_is_named_by_what_it_is(self, starter: Path) -> None:
        entry = scan((Root("Stable-Diffusion", starter, builtin=True),), {})["Stable-Diffusion"]["starter"]
        assert entry.builtin
        assert entry.path == starter

    def test_links_in_a_circle_end(self, tmp_path: Path) -> None:
        write_safetensors(tmp_path / "a" / "m.safetensors")
        (tmp_path / "a" / "again").symlink_to(tmp_path)
        assert list(only(tmp_path)) == ["a/m.safetensors"]

    def test_the_first_folder_counts(self, tmp_path: Path) -> None:
        write_safetensors(tmp_path / "one" / "m.safetensors", modelspec__title="one")
        write_safetensors(tmp_path / "two" / "m.safetensors", modelspec__title="two")
        roots = (Root("LoRA", tmp_path / "one"), Root("LoRA", tmp_path / "two"))
        assert scan(roots, {})["LoRA"]["m.safetensors"].title == "one"


class TestChanges:
    def test_an_unchanged_file_is_not_read_again(self, tmp_path: Path) -> None:
        path = write_safetensors(tmp_path / "m.safetensors", modelspec__title="one")
        roots = (Root("VAE", tmp_path),)
        first = scan(roots, {})
        status = path.stat()
        other = write_safetensors(tmp_path / "other.safetensors", modelspec__title="two").read_bytes()
        path.write_bytes(other)  # the same length; with the same time it looks unchanged
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert scan(roots, first)["VAE"]["m.safetensors"] is first["VAE"]["m.safetensors"]

    def test_new_notes_are_seen(self, tmp_path: Path) -> None:
        write_safetensors(tmp_path / "m.safetensors")
        roots = (Root("VAE", tmp_path),)
        first = scan(roots, {})
        (tmp_path / "m.hub.json").write_text('{"title": "New"}')
        assert scan(roots, first)["VAE"]["m.safetensors"].title == "New"

    def test_removed_files_go(self, tmp_path: Path) -> None:
        path = write_safetensors(tmp_path / "m.safetensors")
        roots = (Root("VAE", tmp_path),)
        first = scan(roots, {})
        path.unlink()
        assert scan(roots, first)["VAE"] == {}


def test_a_twin_of_the_same_size_and_time_in_another_folder_is_told_apart(tmp_path: Path) -> None:
    roots = tuple(Root("LoRA", tmp_path / name) for name in ("one", "two"))
    for root in roots:
        os.utime(write_safetensors(root.path / "a.safetensors"), ns=(5, 5))
    before = scan(roots, {})
    assert before["LoRA"]["a.safetensors"].path == tmp_path / "one/a.safetensors"
    (tmp_path / "one/a.safetensors").unlink()
    assert scan(roots, before)["LoRA"]["a.safetensors"].path == tmp_path / "two/a.safetensors"


def test_what_has_not_changed_is_handed_back_as_it_is(tmp_path: Path) -> None:
    roots = (Root("LoRA", tmp_path / "loras"), Root("VAE", tmp_path / "vaes"))
    for number in range(5):
        write_safetensors(tmp_path / f"loras/{number % 2}/{number}.safetensors")
    write_safetensors(tmp_path / "vaes/v.safetensors")
    before = scan(roots, {})
    again = scan(roots, before)
    assert again["LoRA"] is before["LoRA"]
    assert again["VAE"] is before["VAE"]
    (tmp_path / "loras/0/2.jpg").write_bytes(b"picture")
    changed = scan(roots, before)
    assert changed["VAE"] is before["VAE"]
    assert changed["LoRA"]["0/2.safetensors"].preview == tmp_path / "loras/0/2.jpg"
    assert changed["LoRA"]["0/4.safetensors"] is before["LoRA"]["0/4.safetensors"]
    (tmp_path / "loras/0/4.safetensors").unlink()
    assert list(scan(roots, changed)["LoRA"]) == [
        "0/0.safetensors",
        "0/2.safetensors",
        "1/1.safetensors",
        "1/3.safetensors",
    ]
