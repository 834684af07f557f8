"""Textual inversions: the stock loader's picture for the same prompt, and no trace in any other."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from safetensors.torch import save_file

from backends.contract import Failed, Work
from backends.diffusers_local import steps
from backends.diffusers_local.loading.embeddings import load_embedding
from backends.diffusers_local.loading.gather import Kit
from backends.diffusers_local.loading.model import Model
from backends.diffusers_local.loading.weights import ModelTrouble
from backends.diffusers_local.prepare import prepare
from backends.diffusers_local.prompts.encoding import Asking
from tests.backends.diffusers_local.conftest import Studio, a_work, ref_of, scheduler_of
from tests.backends.diffusers_local.prompts.clip_words import (
    an_inversion,
    build_sd_words,
    build_xl_words,
    load,
)

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "words"
    build_sd_words().save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def xl_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "xl_words"
    build_xl_words().save_pretrained(path)
    return path


def random(count: int, width: int) -> torch.Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(count)) * 3


def walk(work: Work, model: Model) -> torch.Tensor:
    with torch.inference_mode():
        embeddings = {ref.name: load_embedding(ref, CPU, torch.float32) for ref in work.embeddings}
        row = prepare(work, Kit(model, embeddings=embeddings))
        while not row.finished:
            (prediction,) = steps.predict([row])
            steps.advance(row, prediction)
    return row.latents


def stock(pipeline: Any, work: Work, model: Model, prompt: str, negative: str) -> torch.Tensor:
    pipeline.scheduler = scheduler_of(model, "euler", "normal")
    pipeline.set_progress_bar_config(disable=True)
    drawn: torch.Tensor = pipeline(
        prompt,
        negative_prompt=negative,
        num_inference_steps=work.steps,
        guidance_scale=work.cfg_scale,
        width=64,
        height=64,
        generator=torch.Generator("cpu").manual_seed(work.seed),
        output_type="latent",
    ).images
    return drawn


@pytest.mark.parametrize("count", [1, 3])
def test_it_is_the_stock_loaders(folder: Path, tmp_path: Path, count: int) -> None:
    vectors = random(count, 32)
    style = an_inversion(tmp_path / "emb" / "style.safetensors", emb_params=vectors)
    bad = an_inversion(tmp_path / "emb" / "bad.safetensors", emb_params=random(2, 32))
    model = load(folder)
    work = a_work(
        folder,
        prompt="a cat in <embed:emb/style.safetensors> on blue",
        negative_prompt="embedding:bad, ugly",
        embeddings=(style, bad),
    )
    pipeline = StableDiffusionPipeline.from_pretrained(folder)
    pipeline.load_textual_inversion({"style": vectors}, token="<style>")
    pipeline.load_textual_inversion({"bad": random(2, 32)}, token="<bad>")
    expected = stock(pipeline, work, model, "a cat in <style> on blue", "<bad>, ugly")
    assert torch.equal(walk(work, model), expected)


def test_so_it_is_with_two_encoders(xl_folder: Path, tmp_path: Path) -> None:
    first, second = random(2, 16), random(2, 32)
    style = an_inversion(tmp_path / "emb" / "style.safetensors", clip_l=first, clip_g=second)
    model = load(xl_folder)
    work = a_work(
        xl_folder, prompt="a cat <embed:emb/style.safetensors>", negative_prompt="ugly", embeddings=(style,)
    )
    pipeline = StableDiffusionXLPipeline.from_pretrained(xl_folder, add_watermarker=False)
    pipeline.load_textual_inversion({"s": first}, "<s>", pipeline.tokenizer, pipeline.text_encoder)
    pipeline.load_textual_inversion({"s": second}, "<s>", pipeline.tokenizer_2, pipeline.text_encoder_2)
    assert torch.equal(walk(work, model), stock(pipeline, work, model, "a cat <s>", "ugly"))


def test_no_other_prompt_meets_it(folder: Path, tmp_path: Path) -> None:
    model = load(folder)
    encoder = model.parts["text_encoder"]
    table = encoder.get_input_embeddings()
    words = table.weight.clone()
    style = load_embedding(
        an_inversion(tmp_path / "emb" / "style.safetensors", emb_params=random(3, 32)), CPU, torch.float32
    )
    with torch.inference_mode():
        other = encoder(torch.tensor([[1, 2, 3]]))[0]
        model.texts.encode("embedding:style", Asking(embeddings={"style": style}))
        assert torch.equal(encoder(torch.tensor([[1, 2, 3]]))[0], other)
        unnamed = model.texts.encode("embedding:style")
        with_others = model.texts.encode("a cat", Asking(embeddings={"style": style}))
        assert with_others is model.texts.encode("a cat")
    assert torch.equal(table.weight, words)
    assert not table._forward_hooks
    assert len(model.parts["tokenizer"]) == 49408
    named = model.texts.encode("embedding:style", Asking(embeddings={"style": style}))
    assert not torch.equal(unnamed.states, named.states)


def test_it_can_be_weighed_and_stand_in_a_long_prompt(folder: Path, tmp_path: Path) -> None:
    model = load(folder)
    style = load_embedding(
        an_inversion(tmp_path / "emb" / "style.safetensors", emb_params=random(3, 32)), CPU, torch.float32
    )
    asking = Asking(embeddings={"style": style})
    with torch.inference_mode():
        plain, weighted, empty = (
            model.texts.encode(text, asking).states
            for text in ("a <embed:style>", "a (<embed:style>:1.5)", "")
        )
        together = model.texts.encode("cat " * 74 + "<embed:style>", asking).states
        alone = model.texts.encode("<embed:style>", asking).states
    expected = empty[:, 2:5] + (plain[:, 2:5] - empty[:, 2:5]) * 1.5
    assert torch.allclose(weighted[:, 2:5], expected, atol=1e-5)
    assert torch.allclose(together[:, 77:], alone, atol=1e-5)


def test_a_changed_file_is_read_anew(folder: Path, tmp_path: Path) -> None:
    model = load(folder)
    path = tmp_path / "emb" / "style.safetensors"
    first = load_embedding(an_inversion(path, emb_params=random(1, 32)), CPU, torch.float32)
    one = model.texts.encode("<embed:style>", Asking(embeddings={"style": first})).states
    second = load_embedding(an_inversion(path, emb_params=random(2, 32)), CPU, torch.float32)
    assert first.key != second.key
    other = model.texts.encode("<embed:style>", Asking(embeddings={"style": second})).states
    assert not torch.equal(one, other)


def test_the_loop_draws_with_it(folder: Path, tmp_path: Path, studio: Studio) -> None:
    style = an_inversion(tmp_path / "emb" / "style.safetensors", emb_params=random(2, 32))
    prompt = "a cat <embed:emb/style.safetensors>"
    with_it = a_work(folder, 0, prompt=prompt, embeddings=(style,), deterministic=True)
    without = a_work(folder, 0, prompt=prompt, deterministic=True)
    without = type(without)(
        **{**{name: getattr(without, name) for name in without.__struct_fields__}, "id": "t:1"}
    )
    one, other = studio.draw(with_it, without)
    assert one.tobytes() != other.tobytes()


@pytest.mark.parametrize(
    ("vectors", "words"),
    [
        ({"emb_params": torch.ones(1, 24)}, "vectors of width 24; this model's text_encoder takes 32"),
        ({"clip_l": torch.ones(1, 768), "clip_g": torch.ones(1, 1280)}, "width 768 and 1280"),
        (
            {"unet.conv_in.weight": torch.ones(4, 4, 3, 3)},
            "no textual inversion: it holds 'unet.conv_in.weight'",
        ),
        ({"emb_params": torch.ones(1, 32, dtype=torch.int64)}, "no textual inversion"),
        ({"emb_params": torch.full((1, 32), float("nan"))}, "no textual inversion"),
    ],
)
def test_what_does_not_fit_is_refused(
    folder: Path, tmp_path: Path, studio: Studio, vectors: dict[str, torch.Tensor], words: str
) -> None:
    style = an_inversion(tmp_path / "emb" / "style.safetensors", **vectors)
    work = a_work(folder, prompt="<embed:emb/style.safetensors>", embeddings=(style,))
    studio.submit(work)
    studio.finish(work)
    assert words in studio.of(Failed, work.id)[0].reason


def test_a_pickle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "style.pt"
    torch.save({"string_to_param": {"*": torch.ones(1, 32)}}, path)
    with pytest.raises(ModelTrouble, match="safetensors"):
        load_embedding(ref_of(path), CPU, torch.float32)


def test_a_giant_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "style.safetensors"
    save_file({"emb_params": torch.ones(8, 32)}, path)
    monkeypatch.setattr("backends.diffusers_local.loading.embeddings._MOST", 100)
    with pytest.raises(ModelTrouble, match="too large"):
        load_embedding(ref_of(path), CPU, torch.float32)
