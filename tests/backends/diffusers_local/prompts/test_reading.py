"""What a prompt becomes: the stock pipelines' states, moved by weights, and window after window of them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline

from backends.contract import Failed
from backends.diffusers_local.loading.model import Model
from backends.diffusers_local.prompts.encoding import Asking, Texts
from backends.diffusers_local.prompts.readers import make_reader
from tests.backends.diffusers_local.conftest import Studio, a_work, build_pipeline
from tests.backends.diffusers_local.prompts.clip_words import build_sd_words, build_xl_words, load

LONG = ", ".join(f"a picture of number {number}" for number in range(20))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "words"
    build_sd_words().save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def model(folder: Path) -> Model:
    return load(folder)


@pytest.fixture(scope="module")
def xl_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "xl_words"
    build_xl_words().save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def xl(xl_folder: Path) -> Model:
    return load(xl_folder)


def states(model: Model, prompt: str, **asking: Any) -> torch.Tensor:
    with torch.inference_mode():
        return model.texts.encode(prompt, Asking(**asking)).states


def tokens(model: Model, prompt: str) -> list[int]:
    return list(model.parts["tokenizer"](prompt, verbose=False).input_ids)


@pytest.mark.parametrize(
    "prompt", ["", "a photo of a cat", "A  Photo,\nof [a] {cat}!", "cat " * 75, r"C:\cats", "cat:1.2"]
)
def test_a_prompt_without_weights_is_the_stock_pipelines(folder: Path, model: Model, prompt: str) -> None:
    pipeline = StableDiffusionPipeline.from_pretrained(folder)
    with torch.inference_mode():
        theirs, _ = pipeline.encode_prompt(prompt, torch.device("cpu"), 1, False)
    assert torch.equal(states(model, prompt), theirs)


@pytest.mark.parametrize("prompt", ["a photo of a cat", "cat " * 75])
def test_so_it_is_with_two_encoders(xl_folder: Path, xl: Model, prompt: str) -> None:
    pipeline = StableDiffusionXLPipeline.from_pretrained(xl_folder, add_watermarker=False)
    with torch.inference_mode():
        theirs, _, pooled, _ = pipeline.encode_prompt(prompt, do_classifier_free_guidance=False)
        ours = xl.texts.encode(prompt)
    assert torch.equal(ours.states, theirs)
    assert ours.pooled is not None and torch.equal(ours.pooled, pooled)


class TestWeights:
    @pytest.mark.parametrize("weight", [1.5, 0.3, 0.0, -1.0])
    def test_a_state_moves_away_from_the_empty_prompts(self, model: Model, weight: float) -> None:
        plain, empty = states(model, "a red circle"), states(model, "")
        weighted = states(model, f"a (red:{weight}) circle")
        expected = plain.clone()
        expected[:, 2] = empty[:, 2] + (plain[:, 2] - empty[:, 2]) * weight
        assert torch.allclose(weighted, expected, atol=1e-6)
        untouched = [place for place in range(77) if place != 2]
        assert torch.equal(weighted[:, untouched], plain[:, untouched])

    def test_both_encoders_move_and_the_pooled_vector_stays(self, xl: Model) -> None:
        with torch.inference_mode():
            plain, empty, weighted = (
                xl.texts.encode(text) for text in ("a red circle", "", "a (red:1.4) circle")
            )
        expected = empty.states[:, 2] + (plain.states[:, 2] - empty.states[:, 2]) * 1.4
        assert torch.allclose(weighted.states[:, 2], expected, atol=1e-6)
        assert weighted.pooled is not None and plain.pooled is not None
        assert torch.equal(weighted.pooled, plain.pooled)

    def test_a_weight_of_one_changes_nothing(self, model: Model) -> None:
        assert torch.equal(states(model, "a (red:1.0) circle"), states(model, "a red circle"))

    def test_escaped_brackets_are_read(self, model: Model) -> None:
        ids = tokens(model, "a (red) circle")
        assert len(ids) == 7
        (section,) = [states(model, r"a \(red\) circle")]
        with torch.inference_mode():
            padded = model.parts["tokenizer"]("a (red) circle", padding="max_length", return_tensors="pt")
            theirs = model.parts["text_encoder"](padded.input_ids)[0]
        assert torch.equal(section, theirs)

    def test_weights_hold_at_an_earlier_layer(self, model: Model) -> None:
        plain, empty = (states(model, text, layer=2) for text in ("a red circle", ""))
        weighted = states(model, "a (red:1.3) circle", layer=2)
        expected = empty[:, 2] + (plain[:, 2] - empty[:, 2]) * 1.3
        assert torch.allclose(weighted[:, 2], expected, atol=1e-6)


class TestLongPrompts:
    def test_they_take_as_many_windows_as_they_need(self, model: Model) -> None:
        assert len(tokens(model, LONG)) > 77
        text = model.texts.encode(LONG)
        assert text.states.shape == (1, 154, 32)
        assert text.cut == ""

    def test_each_window_is_read_as_a_prompt_of_its_own(self, model: Model) -> None:
        together = states(model, "a red circle BREAK (a blue square:1.2)")
        assert torch.allclose(together[:, :77], states(model, "a red circle"), atol=1e-6)
        assert torch.allclose(together[:, 77:], states(model, "(a blue square:1.2)"), atol=1e-6)

    def test_words_stay_whole(self, model: Model) -> None:
        word = "supercalifragilistic"
        assert 2 < len(tokens(model, word)) - 2 <= 8
        together = states(model, "cat " * 74 + word)
        assert torch.allclose(together[:, 77:], states(model, word), atol=1e-6)
        assert torch.allclose(together[:, :77], states(model, "cat " * 74), atol=1e-6)

    def test_the_pooled_vector_is_the_first_windows(self, xl: Model) -> None:
        with torch.inference_mode():
            text, first = (
                xl.texts.encode("a red circle <break> a blue square"),
                xl.texts.encode("a red circle"),
            )
        assert text.pooled is not None and first.pooled is not None
        assert torch.allclose(text.pooled, first.pooled, atol=1e-6)
        assert text.states.shape == (1, 154, 48)

    @pytest.mark.parametrize("turned", [False, True])
    def test_the_shorter_of_two_goes_on_with_the_empty_prompt(self, model: Model, turned: bool) -> None:
        with torch.inference_mode():
            made = model.texts.guided(*(("blue", LONG) if turned else (LONG, "blue")))
        negative, text = made
        assert negative.states.shape == text.states.shape == (1, 154, 32)
        short = text if turned else negative
        assert torch.equal(short.states[:, :77], states(model, "blue"))
        assert torch.equal(short.states[:, 77:], states(model, ""))

    def test_no_negative_prompt_is_nothing_however_long_the_prompt(self, xl: Model) -> None:
        with torch.inference_mode():
            negative, text = xl.texts.guided(LONG, "")
        assert negative.states.shape == text.states.shape == (1, 154, 48)
        assert not negative.states.any()

    def test_rows_of_different_lengths_are_drawn_side_by_side(self, folder: Path, studio: Studio) -> None:
        works = [
            a_work(folder, 0, prompt=LONG, negative_prompt="blue"),
            a_work(folder, 1, prompt="a (cat:1.2)", negative_prompt=LONG),
            a_work(folder, 2, prompt="a cat", cfg_scale=1.0),
        ]
        assert len(studio.draw(*works)) == 3

    def test_a_model_of_whole_words_reads_one_window_and_says_what_it_cut(self, tmp_path: Path) -> None:

        build_pipeline().save_pretrained(tmp_path)
        text = load(tmp_path).texts.encode("a red (circle:1.3) on blue a <break> red square")
        assert text.states.shape[1] == 8
        assert text.cut == "red square"

    def test_an_endless_prompt_ends_and_says_so(self, model: Model) -> None:
        text = model.texts.encode("cat " * 75 * 32 + "dog bird")
        assert text.states.shape == (1, 77 * 32, 32)
        assert text.cut == "dog bird"


class TestMemory:
    def counting(self, model: Model, **given: Any) -> tuple[Texts, list[str]]:
        reader, asked = make_reader(model.family, model.parts, model.device), []

        class Counting:
            def read(self, prompt: str, layer: int, embeddings: Any) -> Any:
                asked.append(prompt)
                return reader.read(prompt, layer, embeddings)

        return Texts(Counting(), model.dtype, **given), asked

    def test_each_prompt_is_read_once_in_each_way(self, model: Model) -> None:
        texts, asked = self.counting(model)
        for _ in range(2):
            texts.guided("a (red:1.2) circle", "")
            texts.encode("a cat", Asking(layer=2))
            texts.encode("a cat", Asking(worn="a LoRA"))
            texts.encode("a cat")
        assert sorted(asked) == ["", "a (red:1.2) circle", "a cat", "a cat", "a cat"]

    def test_it_is_bounded_by_bytes(self, model: Model) -> None:
        one = model.texts.encode("a cat").size
        assert one == 77 * 32 * 4
        texts, asked = self.counting(model, kept=3 * one)
        for number in range(10):
            texts.guided(f"number {number}", "")
            assert texts.size <= 3 * one
        assert asked.count("") == 1  # used each time, so never forgotten
        texts.encode("number 9")
        texts.encode("number 0")
        assert asked.count("number 9") == 1 and asked.count("number 0") == 2

    def test_one_that_is_larger_than_all_is_still_answered(self, model: Model) -> None:
        texts, _ = self.counting(model, kept=1)
        assert len(texts.guided(LONG, "blue")) == 2
        assert texts.size <= 2 * model.texts.encode(LONG).size


def test_too_few_layers_are_refused(folder: Path, studio: Studio) -> None:
    work = a_work(folder, extra={"clipstopatlayer": -5})
    studio.submit(work)
    studio.finish(work)
    assert "only 2 layers" in studio.of(Failed, work.id)[0].reason


def test_asking_is_a_value() -> None:
    assert replace(Asking(layer=3), layer=0) == Asking()
