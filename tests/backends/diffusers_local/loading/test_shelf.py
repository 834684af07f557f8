"""What stays in memory and what goes: the least recently used first, what is at work never."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from backends.contract import Free, Held, Loaded, ModelRef
from backends.diffusers_local.loading.gather import gather, needs
from backends.diffusers_local.loading.parts import LOADERS
from backends.diffusers_local.loading.shelf import Shelf
from backends.diffusers_local.loading.weights import ModelTrouble, bytes_of
from tests.backends.diffusers_local.conftest import Studio, a_work, build_pipeline, ref_of
from tests.backends.diffusers_local.loading.test_vae import an_autoencoder
from tests.backends.diffusers_local.loras import changes, kohya, lora, write

CPU, FULL = torch.device("cpu"), torch.float32


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[ModelRef]:
    """Three models of one size."""
    root = tmp_path_factory.mktemp("models")
    build_pipeline().save_pretrained(root / "a")
    return [ref_of(root / "a"), *(ref_of(Path(shutil.copytree(root / "a", root / n))) for n in "bc")]


@pytest.fixture(scope="module")
def vae(tmp_path_factory: pytest.TempPathFactory) -> ModelRef:
    path = tmp_path_factory.mktemp("vaes") / "vae"
    an_autoencoder().save_pretrained(path)
    return ref_of(path)


def room_for(models: list[ModelRef], count: float) -> Shelf:
    return Shelf(CPU, FULL, int(bytes_of(Path(models[0].path), 4) * count))


def held(shelf: Shelf) -> list[str]:
    return [name for _, name in ((kind, Path(path).name) for kind, path in shelf._parts)]


def test_a_model_takes_the_bytes_that_were_foreseen(models: list[ModelRef]) -> None:
    shelf = room_for(models, 9)
    model, seconds = shelf.load("model", models[0], set())
    assert model.size == pytest.approx(bytes_of(Path(models[0].path), 4), rel=0.01)
    assert shelf.size == model.size
    assert seconds > 0


def test_the_least_recently_used_goes_first(models: list[ModelRef]) -> None:
    shelf = room_for(models, 2.5)
    shelf.load("model", models[0], set())
    shelf.load("model", models[1], set())
    assert shelf.find("model", models[0]) is not None
    shelf.load("model", models[2], set())
    assert held(shelf) == ["a", "c"]
    assert shelf.names == ("a", "c")
    with pytest.raises(KeyError):
        shelf.held("model", models[1])


def test_what_is_at_work_stays_even_beyond_the_budget(models: list[ModelRef]) -> None:
    shelf = room_for(models, 1.5)
    shelf.load("model", models[0], set())
    shelf.load("model", models[1], {models[0].path})
    assert held(shelf) == ["a", "b"]
    shelf.load("model", models[2], {models[1].path})
    assert held(shelf) == ["b", "c"]


def test_room_is_made_before_loading_and_by_things_of_every_kind(
    models: list[ModelRef], vae: ModelRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = room_for(models, 2.5)
    shelf.load("vae", vae, set())
    shelf.load("model", models[0], set())
    seen: list[list[str]] = []
    loaders = dict(LOADERS)

    def watching(*given: Any) -> Any:
        seen.append(held(shelf))
        return loaders["model"](*given)

    monkeypatch.setattr("backends.diffusers_local.loading.shelf.LOADERS", loaders | {"model": watching})
    shelf.load("model", models[1], set())
    shelf.load("model", models[2], {models[1].path})
    assert seen == [["a"], ["b"]]
    assert shelf.size <= int(bytes_of(Path(models[0].path), 4) * 2.5)


def test_a_failed_load_leaves_what_was_there(models: list[ModelRef], tmp_path: Path) -> None:
    shelf = room_for(models, 9)
    shelf.load("model", models[0], set())
    broken = Path(shutil.copytree(models[0].path, tmp_path / "broken"))
    (broken / "vae" / "config.json").write_text("{")
    with pytest.raises(ModelTrouble):
        shelf.load("model", ref_of(broken), set())
    assert held(shelf) == ["a"]


def test_a_changed_file_is_noticed_and_read_anew(tmp_path: Path, models: list[ModelRef]) -> None:
    shelf = room_for(models, 9)
    ref = ref_of(Path(shutil.copytree(models[0].path, tmp_path / "mine")))
    first, _ = shelf.load("model", ref, set())
    for part in ("unet", "vae", "text_encoder"):
        before = shelf.find("model", ref)
        assert before is not None
        (weights,) = (tmp_path / "mine" / part).glob("*.safetensors")
        other = weights.with_suffix(".new")
        other.write_bytes(weights.read_bytes())
        other.replace(weights)
        assert shelf.find("model", ref) is None
        after, _ = shelf.load("model", ref, set())
        assert after.key != before.key
    assert len(shelf.names) == 1
    assert first.parts["unet"] is not after.parts["unet"]


def test_a_lora_counts_over_every_model_it_lies_over(models: list[ModelRef], tmp_path: Path) -> None:
    shelf = room_for(models, 9)
    path = write(tmp_path / "a.safetensors", kohya(changes(build_pipeline(), ("unet",))))
    one = lora(path)
    for ref in models[:2]:
        work = a_work(Path(ref.path), loras=(one,))
        with torch.inference_mode():
            for need in needs(work):
                if shelf.find(need.kind, need.ref, need.over) is None:
                    shelf.load(need.kind, need.ref, set(), need.over)
            gather(work, shelf)
    part = shelf.held("lora", one.model)
    single = sum(t.numel() * 4 for name, t in part.tensors().items() if not name.endswith("alpha"))
    assert part.size == 2 * single


def test_free_lets_go_of_all_that_nobody_draws_with(
    models: list[ModelRef], vae: ModelRef, tmp_path: Path, studio: Studio
) -> None:
    path = write(tmp_path / "a.safetensors", kohya(changes(build_pipeline(), ("unet",))))
    studio.draw(a_work(Path(models[0].path), vae=vae, loras=(lora(path),)))
    shelf = studio.loop._shelf
    assert studio.of(Loaded)[0].models == ("a",)
    assert shelf.size > 0
    studio.loop.inbox.append(Free())
    for _ in range(200):
        studio.turn()
        if studio.of(Held):
            break
        studio.loop.wake.wait(0.01)
    assert studio.of(Held)[0].models == ()
    assert shelf.size == 0
