"""Attention, compiling and memory layouts as settings: the same pictures by other ways."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.attention_processor import AttnProcessor, AttnProcessor2_0

from backends.diffusers_local import steps
from backends.diffusers_local.features.lora_layers import stack_of
from backends.diffusers_local.loading.attention import CHOICES, NoAttention, check, set_attention
from backends.diffusers_local.loading.compiling import Padded, bucket, compile_denoiser
from backends.diffusers_local.loading.gather import Kit
from backends.diffusers_local.loading.shelf import Shelf
from backends.diffusers_local.loading.tuning import Tuning
from backends.diffusers_local.prepare import prepare
from backends.diffusers_local.settings import _ATTENTIONS
from tests.backends.diffusers_local.conftest import a_work, build_pipeline, ref_of
from tests.backends.diffusers_local.loras import changes, kohya, lora, write

CPU = torch.device("cpu")


def walked(folder: Path, tuning: Tuning | None, count: int = 1) -> list[torch.Tensor]:
    """The latents of some works in one forward each step."""
    shelf = Shelf(CPU, torch.float32, 1 << 30, tuning)
    with torch.inference_mode():
        model, _ = shelf.load("model", ref_of(folder), set())
        rows = [prepare(a_work(folder, number), Kit(model)) for number in range(count)]
        while not rows[0].finished:
            for row, prediction in zip(rows, steps.predict(rows), strict=True):
                steps.advance(row, prediction)
        steps.decode(rows)
    return [row.latents for row in rows]


@pytest.mark.parametrize(
    "changes",
    [
        {"attention": "sdpa"},
        {"attention": "math"},
        {"attention": "sliced"},
        {"channels_last": True},
        {"vae_slicing": True, "vae_tiling": True},
    ],
)
def test_every_way_draws_the_same(folder: Path, changes: dict[str, Any]) -> None:
    (usual,), (other,) = walked(folder, None), walked(folder, Tuning(CPU, **changes))
    assert torch.allclose(usual, other, atol=1e-3, rtol=1e-3)


def test_the_settings_name_every_choice() -> None:
    assert _ATTENTIONS == CHOICES


def test_a_unet_attends_as_asked(folder: Path) -> None:
    def processors(choice: str) -> set[type]:
        shelf = Shelf(CPU, torch.float32, 1 << 30, Tuning(CPU, attention=choice))
        model, _ = shelf.load("model", ref_of(folder), set())
        return {type(processor) for processor in model.parts["unet"].attn_processors.values()}

    assert processors("math") == {AttnProcessor}
    assert processors("sdpa") == {AttnProcessor2_0}
    assert len(processors("sliced")) == 1


def test_a_transformer_attends_through_the_dispatcher() -> None:
    from diffusers import FluxTransformer2DModel

    transformer = FluxTransformer2DModel(
        in_channels=4,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=8,
        num_attention_heads=2,
        joint_attention_dim=8,
        pooled_projection_dim=8,
        axes_dims_rope=(2, 2, 4),
    )
    for choice, backend in (("math", "_native_math"), ("sdpa", "native"), ("sliced", "native")):
        set_attention(transformer, choice)
        found = {module.processor._attention_backend.value for module in _attending(transformer)}
        assert found == {backend}


def _attending(transformer: Any) -> list[Any]:
    return [m for m in transformer.modules() if hasattr(getattr(m, "processor", None), "_attention_backend")]


def test_what_needs_a_card_or_a_package_is_refused() -> None:
    for choice in ("auto", "sdpa", "math", "sliced"):
        check(choice, CPU)
    for choice in ("flash", "xformers"):
        with pytest.raises(NoAttention, match=choice):
            check(choice, CPU)


@pytest.mark.parametrize(
    ("lines", "size"), [(1, 1), (2, 2), (3, 4), (5, 8), (8, 8), (9, 16), (16, 16), (17, 32), (33, 48)]
)
def test_batches_are_filled_up(lines: int, size: int) -> None:
    assert bucket(lines) == size


def test_a_filled_batch_is_cut_again() -> None:
    seen: list[int] = []

    def forward(sample: torch.Tensor, time: torch.Tensor, **named: Any) -> tuple[torch.Tensor]:
        seen.append(len(sample))
        assert (
            len(time)
            == len(named["states"])
            == len(named["more"]["ids"])
            == len(named["extra"][0])
            == len(sample)
        )
        assert named["scale"] == 2.0
        return (sample * 2,)

    sample = torch.arange(6.0).reshape(3, 2)
    given = {"states": sample, "more": {"ids": sample}, "extra": [sample], "scale": 2.0}
    (answer,) = Padded(forward)(sample, torch.zeros(3), **given)
    assert torch.equal(answer, sample * 2)
    assert seen == [4]


def test_a_compiled_denoiser_draws_the_same_for_every_size_of_batch(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def traced(forward: Any, **how: Any) -> Any:
        return torch.compile(forward, backend="eager", **how)

    from backends.diffusers_local.loading import tuning

    monkeypatch.setattr(tuning, "compile_denoiser", lambda denoiser: compile_denoiser(denoiser, traced))
    usual, compiled = walked(folder, None, 3), walked(folder, Tuning(CPU, compiled=True), 3)
    for ours, theirs in zip(compiled, usual, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-3, rtol=1e-3)


def test_a_compiled_denoiser_notices_loras_that_come_and_go(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from backends.diffusers_local.loading import tuning

    monkeypatch.setattr(
        tuning,
        "compile_denoiser",
        lambda denoiser: compile_denoiser(
            denoiser, lambda forward, **how: torch.compile(forward, backend="eager", **how)
        ),
    )
    path = write(tmp_path / "a.safetensors", kohya(changes(build_pipeline(), ("unet",))))
    answers = {}
    for compiled in (False, True):
        shelf = Shelf(CPU, torch.float32, 1 << 30, Tuning(CPU, compiled=compiled))
        with torch.inference_mode():
            model, _ = shelf.load("model", ref_of(folder), set())
            one, _ = shelf.load("lora", lora(path).model, set())
            model.layers.attach(one)
            stacks = [stack_of({one.key: (weight, 0.0)}) for weight in (0.0, 1.0, 0.5)]
            rows = [prepare(a_work(folder), Kit(model, stack=stack)) for stack in stacks]
            answers[compiled] = [steps.predict([rows[number]])[0].said for number in (0, 1, 0, 2, 1, 0)]
    for ours, theirs in zip(answers[True], answers[False], strict=True):
        assert torch.allclose(ours, theirs, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(answers[True][0], answers[True][1], atol=1e-2)
