"""Components that visit the device, layers that come one by one, and nothing of it on a processor."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from backends.contract import ModelRef
from backends.diffusers_local import steps
from backends.diffusers_local.features.lora import LoraFile, load_lora
from backends.diffusers_local.features.lora_layers import stack_of
from backends.diffusers_local.loading.gather import Kit
from backends.diffusers_local.loading.model import Model, load_model
from backends.diffusers_local.loading.offload import Guests, Move, Plan, stays_home, stream
from backends.diffusers_local.loading.shelf import Shelf
from backends.diffusers_local.loading.stock_model import load_stock
from backends.diffusers_local.loading.tuning import Tuning
from backends.diffusers_local.prepare import prepare
from tests.backends.diffusers_local.conftest import a_work, build_pipeline, ref_of
from tests.backends.diffusers_local.loras import changes, kohya, lora, write
from tests.backends.diffusers_local.stock_models import build
from tests.backends.diffusers_local.test_stock import a_stock_work, drawn

CPU, CARD = torch.device("cpu"), torch.device("cuda:0")


class TestPlan:
    def plan(self) -> Plan:
        return Plan(frozenset({"text_encoder", "text_encoder_2", "vae"}))

    def test_a_guest_comes_once_and_leaves_when_it_was_used(self) -> None:
        plan = self.plan()
        plan.hold(["text_encoder", "text_encoder_2"])
        assert plan.enter("text_encoder") == [Move("text_encoder", True)]
        assert plan.enter("text_encoder") == []
        assert plan.enter("text_encoder_2") == [Move("text_encoder_2", True)]
        assert plan.release(["text_encoder", "text_encoder_2"]) == [
            Move("text_encoder", False),
            Move("text_encoder_2", False),
        ]
        assert plan.inside == ()

    def test_remembered_prompts_move_nothing(self) -> None:
        plan = self.plan()
        plan.hold(["text_encoder"])
        assert plan.release(["text_encoder"]) == []

    def test_the_denoiser_sends_guests_away_but_not_those_in_use(self) -> None:
        plan = self.plan()
        plan.enter("text_encoder")
        plan.hold(["vae"])
        plan.enter("vae")
        assert plan.enter("unet") == [Move("text_encoder", False)]
        assert plan.inside == ("vae",)
        assert plan.release(["vae"]) == [Move("vae", False)]

    def test_held_twice_it_stays_until_both_are_done(self) -> None:
        plan = self.plan()
        plan.hold(["vae"])
        plan.hold(["vae"])
        plan.enter("vae")
        assert plan.release(["vae"]) == []
        assert plan.release(["vae"]) == [Move("vae", False)]


@pytest.mark.parametrize(
    ("mode", "device", "home"),
    [
        ("none", CARD, set()),
        ("parts", CARD, {"text_encoder", "text_encoder_2", "vae"}),
        ("sequential", CARD, {"text_encoder", "text_encoder_2", "vae", "unet"}),
        ("parts", CPU, set()),
        ("sequential", CPU, set()),
    ],
)
def test_where_components_are_loaded_to(mode: str, device: torch.device, home: set[str]) -> None:
    parts = ("text_encoder", "text_encoder_2", "vae", "unet")
    assert {part for part in parts if stays_home(mode, part, device)} == home
    tuning = Tuning(device, offload=mode)
    assert all(tuning.home(part).type == ("cpu" if part in home else device.type) for part in parts)


def walked(model: Model, folder: Path, stack: Any = (), **given: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """A work's latents and pixels."""
    with torch.inference_mode():
        row = prepare(a_work(folder, **given), Kit(model, stack=stack))
        while not row.finished:
            (prediction,) = steps.predict([row])
            steps.advance(row, prediction)
        return row.latents, torch.from_numpy(steps.decode([row])[0])


def a_model(folder: Path) -> Model:
    with torch.inference_mode():
        return load_model(ref_of(folder), CPU, torch.float32)


def test_components_of_a_work_come_and_go_in_their_order(folder: Path) -> None:
    model = a_model(folder)
    expected = walked(model, folder)
    model = a_model(folder)
    parts = {name: model.parts[name] for name in ("text_encoder", "unet", "vae")}
    named = {id(part): name for name, part in parts.items()}
    moves: list[tuple[str, str]] = []
    guests = Guests(parts, CARD, lambda part, device: moves.append((named[id(part)], device.type)))
    guests.install()
    model.layers.around_reading = guests.reading
    found = walked(model, folder)
    assert torch.equal(found[0], expected[0])
    assert torch.equal(found[1], expected[1])
    visit = [("text_encoder", "cuda"), ("text_encoder", "cpu"), ("vae", "cuda"), ("vae", "cpu")]
    assert moves == visit
    walked(model, folder)  # the prompt is remembered: only the autoencoder comes
    assert moves == visit + visit[2:]


def test_an_error_while_reading_leaves_no_guest_behind(folder: Path) -> None:
    model = a_model(folder)
    parts = {name: model.parts[name] for name in ("text_encoder", "unet", "vae")}
    guests = Guests(parts, CARD, lambda part, device: None)
    guests.install()
    with pytest.raises(RuntimeError), guests.reading():
        parts["text_encoder"](input_ids=torch.zeros(1, 3, dtype=torch.long))
        assert guests.plan.inside == ("text_encoder",)
        raise RuntimeError
    assert guests.plan.inside == ()
    with pytest.raises(RuntimeError):
        parts["vae"].decode(torch.zeros(1, 99, 2, 2))
    assert guests.plan.inside == ()


def test_layer_by_layer_the_picture_is_the_same_with_and_without_a_lora(folder: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "a.safetensors", kohya(changes(build_pipeline(), ("unet", "text_encoder"))))
    loras: list[LoraFile] = []

    def stack(model: Model) -> Any:
        loras.append(load_lora(lora(path).model, CPU, torch.float32))
        model.layers.attach(loras[-1])
        return stack_of({loras[-1].key: (0.5, 0.5)})

    usual, streamed = a_model(folder), a_model(folder)
    stream({n: p for n, p in streamed.parts.items() if isinstance(p, torch.nn.Module)}, CPU)
    assert streamed.parts["unet"].conv_in.weight.is_meta
    for given, dressed in (({"cfg_scale": 1.0}, False), ({"cfg_scale": 5.0}, True)):
        ours = walked(streamed, folder, stack(streamed) if dressed else (), **given)
        theirs = walked(usual, folder, stack(usual) if dressed else (), **given)
        assert torch.equal(ours[0], theirs[0])
        assert torch.equal(ours[1], theirs[1])


@pytest.mark.parametrize("mode", ["parts", "sequential"])
def test_on_a_processor_nothing_is_installed(folder: Path, mode: str) -> None:
    shelf = Shelf(CPU, torch.float32, 1 << 30, Tuning(CPU, offload=mode))
    model, _ = shelf.load("model", ref_of(folder), set())
    for name in ("unet", "text_encoder"):
        assert not model.parts[name]._forward_pre_hooks
        assert not hasattr(model.parts[name], "_hf_hook")
    assert "decode" not in vars(model.parts["vae"])


@pytest.mark.parametrize("family", ["sana", "lumina2"])
def test_components_of_a_model_of_its_own_pipeline_come_and_go(family: str, tmp_path: Path) -> None:
    build(family).save_pretrained(tmp_path / family)
    ref = ModelRef(family, str(tmp_path / family))
    model = load_stock(ref, CPU, torch.float32)
    work = a_stock_work(model)
    expected = np.asarray(drawn(work, model))
    model = load_stock(ref, CPU, torch.float32)
    parts = {name: part for name, part in model.parts.items() if isinstance(part, torch.nn.Module)}
    named = {id(part): name for name, part in parts.items()}
    moves: list[tuple[str, str]] = []
    guests = Guests(parts, CARD, lambda part, device: moves.append((named[id(part)], device.type)))
    guests.install()
    model.layers.around_reading = guests.reading
    assert np.array_equal(np.asarray(drawn(work, model)), expected)
    # the text encoder makes room for the denoiser, and nothing stays but that
    assert moves == [("text_encoder", "cuda"), ("text_encoder", "cpu"), ("vae", "cuda"), ("vae", "cpu")]
