"""CLIP's tokenizer against ids that others have published for the same texts."""

import importlib.util
import json

import pytest
from tokenizers import Tokenizer

from backends.diffusers_local.prompts import tokenizer
from backends.diffusers_local.prompts.tokenizer import clip_tokenizer

BEGIN, END = 49406, 49407


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", []),
        ("a photo of a cat", [320, 1125, 539, 320, 2368]),
        ("a photo of a dog", [320, 1125, 539, 320, 1929]),
        ("A  photo\nof a CAT", [320, 1125, 539, 320, 2368]),
        ("hello world", [3306, 1002]),
        ("a photograph of an astronaut riding a horse", [320, 8853, 539, 550, 18376, 6765, 320, 4558]),
        ("an astronaut riding a horse on mars", [550, 18376, 6765, 320, 4558, 525, 7496]),
        (",", [267]),
        (".", [269]),
        ("!", [256]),
    ],
)
def test_published_ids(text: str, ids: list[int]) -> None:
    made = clip_tokenizer()
    assert made is not None
    assert made(text).input_ids == [BEGIN, *ids, END]


def test_it_is_clips_in_every_size() -> None:
    made = clip_tokenizer()
    assert made is not None
    assert len(made) == 49408
    assert made.model_max_length == 77
    assert made.unk_token == made.pad_token == made.eos_token
    assert made(" ".join(["cat"] * 100), truncation=True).input_ids == [BEGIN, *[2368] * 75, END]
    padded = made("cat", padding="max_length").input_ids
    assert padded == [BEGIN, 2368, *[END] * 75]


def test_every_text_is_made_of_known_bytes() -> None:
    made = clip_tokenizer()
    assert made is not None
    for text in ("naïve café", "日本の猫", "🐈‍⬛ on 🌙", "\x00\x7f", "Ünïcödé ﬀ", "1234 5a6b", "it's we'll"):
        ids = made(text).input_ids[1:-1]
        assert END not in ids
        assert made.decode(ids).replace(" ", "") == "".join(text.lower().split()), text


def test_the_merges_are_whole() -> None:
    inner: Tokenizer = clip_tokenizer().backend_tokenizer
    model = json.loads(inner.to_str())["model"]
    assert len(model["merges"]) == 48894
    assert sorted(model["vocab"].values()) == list(range(49408))
    assert model["merges"][0] == ["i", "n"]
    assert model["vocab"]["!"] == 0 and model["vocab"]["!</w>"] == 256


def test_without_the_package_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert tokenizer.clip_tokenizer() is None
