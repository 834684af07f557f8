"""Previews by a small decoder: the network's own answer, found by its latent space, and never dear."""

import io
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderTiny
from PIL import Image as Picture
from safetensors.torch import save_file

from backends.contract import Log, ModelRef, Progress, Report
from backends.diffusers_local.loading.weights import ModelTrouble
from backends.diffusers_local.pictures import tiny_decoder
from backends.diffusers_local.pictures.preview import PreviewMap
from backends.diffusers_local.pictures.previews import Previews
from backends.diffusers_local.pictures.tiny_decoder import TinyDecoder, find_decoder, load_decoder
from tests.backends.diffusers_local.conftest import Studio, a_work

CPU = torch.device("cpu")
SPACES = [
    ("taesd", 4, 0.18215),
    ("taesdxl", 4, 0.13025),
    ("taesd3", 16, 1.5305),
    ("taef1", 16, 0.3611),
]


def a_tiny(channels: int = 4) -> Any:
    torch.manual_seed(1)
    return AutoencoderTiny(latent_channels=channels).eval()


def a_vae(channels: int = 4, scaling: float = 0.18215) -> Any:
    return SimpleNamespace(config={"latent_channels": channels, "scaling_factor": scaling})


def write_original(network: Any, path: Path) -> None:
    """As the original project names its tensors: numbers of its layers, one ahead."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {}
    for name, tensor in network.decoder.state_dict().items():
        _, number, rest = name.split(".", 2)
        tensors[f"{int(number) + 1}.{rest}"] = tensor
    save_file(tensors, path)


def some_latents(channels: int = 4, high: int = 5, wide: int = 8) -> Any:
    return np.random.default_rng(2).normal(size=(channels, high, wide)).astype(np.float32)


def a_map(channels: int = 4) -> PreviewMap:
    return PreviewMap(np.full((channels, 3), 0.1, np.float32), np.zeros(3, np.float32), 1)


class Clock:
    """Time that passes when told, and a decoder that takes `cost` seconds and `each` for every cell."""

    def __init__(self, cost: float = 0.0, each: float = 0.0) -> None:
        self.now, self.cost, self.each, self.calls, self.largest = 100.0, cost, each, 0, 0

    def __call__(self) -> float:
        return self.now

    def slow(self, network: Any) -> Any:
        decode = network.decode

        def slower(given: Any, **more: Any) -> Any:
            cells = given.shape[-1] * given.shape[-2]
            self.now += self.cost + self.each * cells
            self.calls += 1
            self.largest = max(self.largest, cells)
            return decode(given, **more)

        network.decode = slower
        return network


@pytest.mark.parametrize("channels", [4, 16])
@pytest.mark.parametrize("kind", ["original file", "diffusers folder", "diffusers names in a file"])
def test_a_preview_is_the_decoders_own_answer(kind: str, channels: int, tmp_path: Path) -> None:
    network, path = a_tiny(channels), tmp_path / "decoder.safetensors"
    if kind == "original file":
        write_original(network, path)
    elif kind == "diffusers folder":
        path = tmp_path / "decoder"
        network.save_pretrained(path)
    else:
        save_file({f"decoder.{name}": tensor for name, tensor in network.decoder.state_dict().items()}, path)
    latents = some_latents(channels)
    with torch.inference_mode():
        expected = network.decode(torch.from_numpy(latents)[None]).sample[0]
    network = load_decoder(path, channels, CPU, torch.float32)
    drawer = TinyDecoder(network, a_map(channels), CPU, Clock())
    assert torch.equal(torch.from_numpy(drawer.decode(latents)), expected)
    jpeg = drawer.jpeg(latents)
    assert jpeg is not None
    picture = Picture.open(io.BytesIO(jpeg))
    assert picture.size == (64, 40)
    levels = np.clip(expected.numpy() * 127.5 + 127.5, 0, 255).transpose(1, 2, 0)
    assert abs(np.asarray(picture).astype(float) - levels).mean() < 8  # JPEG


class TestFinding:
    @pytest.mark.parametrize(("name", "channels", "scaling"), SPACES)
    def test_by_the_latent_space(self, name: str, channels: int, scaling: float, tmp_path: Path) -> None:
        model = tmp_path / "models" / "Stable-Diffusion" / "sub" / "a model"
        model.mkdir(parents=True)
        assert find_decoder(model, a_vae(channels, scaling)) is None
        path = tmp_path / "models" / "vae_approx" / f"{name}_decoder.safetensors"
        write_original(a_tiny(channels), path)
        assert find_decoder(model, a_vae(channels, scaling)) == path
        assert find_decoder(model, a_vae(channels, 0.5)) is None
        assert find_decoder(tmp_path / "models" / "one.safetensors", a_vae(channels, scaling)) == path

    def test_as_a_folder_of_diffusers(self, tmp_path: Path) -> None:
        a_tiny().save_pretrained(tmp_path / "vae_approx" / "taesd")
        assert find_decoder(tmp_path / "a", a_vae()) == tmp_path / "vae_approx" / "taesd"

    def test_the_models_own_goes_first(self, tmp_path: Path) -> None:
        write_original(a_tiny(), tmp_path / "vae_approx" / "taesd_decoder.safetensors")
        a_tiny().save_pretrained(tmp_path / "model" / "preview_decoder")
        assert find_decoder(tmp_path / "model", a_vae()) == tmp_path / "model" / "preview_decoder"


class TestTroubles:
    def test_a_cut_file(self, tmp_path: Path) -> None:
        path = tmp_path / "taesd_decoder.safetensors"
        write_original(a_tiny(), path)
        path.write_bytes(path.read_bytes()[:-100])
        with pytest.raises(ModelTrouble, match="taesd_decoder"):
            load_decoder(path, 4, CPU, torch.float32)

    def test_another_network(self, tmp_path: Path) -> None:
        path = tmp_path / "taesd_decoder.safetensors"
        save_file({"1.weight": torch.zeros(64, 4, 3, 3), "some.other": torch.zeros(1)}, path)
        with pytest.raises(ModelTrouble, match="cannot be read"):
            load_decoder(path, 4, CPU, torch.float32)

    def test_another_latent_space(self, tmp_path: Path) -> None:
        path = tmp_path / "taesd_decoder.safetensors"
        write_original(a_tiny(16), path)
        with pytest.raises(ModelTrouble, match="16 channels, and this model's have 4"):
            load_decoder(path, 4, CPU, torch.float32)

    def test_a_folder_without_safetensors(self, tmp_path: Path) -> None:
        (tmp_path / "taesd").mkdir()
        (tmp_path / "taesd" / "config.json").write_text("{}")
        with pytest.raises(ModelTrouble, match="taesd"):
            load_decoder(tmp_path / "taesd", 4, CPU, torch.float32)


class TestCost:
    def test_the_next_one_comes_when_the_last_is_paid_for(self) -> None:
        clock = Clock(cost=0.01)
        drawer = TinyDecoder(clock.slow(a_tiny()), a_map(), CPU, clock)
        latents = some_latents()
        assert drawer.jpeg(latents) is not None
        tried = clock.calls
        assert drawer.jpeg(latents) is None
        clock.now += 0.98  # with the 0.01 it took not yet a hundred times that
        assert drawer.jpeg(latents) is None
        clock.now += 0.02
        assert drawer.jpeg(latents) is not None
        assert clock.calls == tried + 1

    def test_one_that_is_too_dear_makes_way_for_the_matrix_after_a_try_with_a_corner(self) -> None:
        clock = Clock(cost=0.03)
        drawer = TinyDecoder(clock.slow(a_tiny()), a_map(), CPU, clock)
        latents = some_latents(high=40, wide=50)
        for _ in range(3):
            assert drawer.jpeg(latents) == a_map().jpeg(latents)
        assert clock.calls == 2
        assert clock.largest == 8 * 8

    def test_larger_corners_are_tried_until_one_is_too_dear(self) -> None:
        clock = Clock(cost=0.0, each=0.0001)
        drawer = TinyDecoder(clock.slow(a_tiny()), a_map(), CPU, clock)
        latents = some_latents(high=30, wide=30)
        assert drawer.jpeg(latents) == a_map().jpeg(latents)
        assert clock.largest == 16 * 16
        small = some_latents(high=8, wide=10)
        assert drawer.jpeg(small) not in (None, a_map().jpeg(small))

    def test_of_large_latents_only_some_are_decoded(self) -> None:
        seen: list[Any] = []
        network = a_tiny()
        decode = network.decode
        network.decode = lambda given, **more: (seen.append(given.shape), decode(given, **more))[1]
        TinyDecoder(network, a_map(), CPU, Clock()).jpeg(some_latents(high=20, wide=130))
        assert seen[-1] == (1, 4, 7, 44)

    def test_the_latents_stay_as_they_are(self) -> None:
        latents = some_latents()
        before = latents.copy()
        TinyDecoder(a_tiny(), a_map(), CPU).jpeg(latents)
        assert np.array_equal(latents, before)


class TestChoosing:
    def shown(self, folder: Path) -> Any:
        return SimpleNamespace(
            ref=ModelRef("m", str(folder / "m")),
            vae=a_vae(),
            preview=a_map(),
            device=CPU,
            dtype=torch.float32,
        )

    def test_by_the_setting(self, tmp_path: Path) -> None:
        write_original(a_tiny(), tmp_path / "vae_approx" / "taesd_decoder.safetensors")
        model = self.shown(tmp_path)
        told: list[Report] = []
        assert Previews("none", told.append).of(model) is None
        assert Previews("fast", told.append).of(model) is model.preview
        previews = Previews("decoder", told.append)
        drawer = previews.of(model)
        assert isinstance(drawer, TinyDecoder)
        assert previews.of(model) is drawer
        previews.forget()
        assert previews.of(model) is not drawer
        assert told == []

    def test_a_model_without_a_decoder_is_shown_the_fast_way(self, tmp_path: Path) -> None:
        told: list[Report] = []
        model = self.shown(tmp_path)
        assert Previews("decoder", told.append).of(model) is model.preview
        assert told == []

    def test_a_broken_decoder_is_told_once_and_the_matrix_used(self, tmp_path: Path) -> None:
        path = tmp_path / "vae_approx" / "taesd_decoder.safetensors"
        path.parent.mkdir()
        path.write_bytes(b"nothing")
        told: list[Report] = []
        model, previews = self.shown(tmp_path), Previews("decoder", told.append)
        assert previews.of(model) is model.preview
        assert previews.of(model) is model.preview
        assert [report.level for report in told if isinstance(report, Log)] == ["warning"]
        assert "taesd_decoder.safetensors" in told[0].text

    def test_another_word_is_refused(self) -> None:
        with pytest.raises(RuntimeError, match="fast, decoder, none"):
            Previews("pretty", print)


def test_in_the_loop_the_decoder_of_the_models_folder_is_used(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiny_decoder, "SHARE", 1.0)  # a busy machine must not change what is tested
    model = tmp_path / "small"
    shutil.copytree(folder, model)
    small = {"decoder_block_out_channels": (8,) * 4, "encoder_block_out_channels": (8,) * 4}
    AutoencoderTiny(**small).save_pretrained(model / "preview_decoder")
    sizes = {}
    for kind in ("fast", "decoder", "none"):
        studio = Studio(previews=kind)
        studio.draw(a_work(model, steps=6))
        studio.loop.close()
        shown = [report.preview for report in studio.of(Progress) if report.preview is not None]
        sizes[kind] = {Picture.open(io.BytesIO(preview)).size for preview in shown}
        assert not studio.of(Log)
    assert sizes == {"fast": {(8, 8)}, "decoder": {(64, 64)}, "none": set()}
