"""Tokenizers that lie with models are found by what they say they are."""

import json
from pathlib import Path

from hub.catalog import find_tokenizers
from hub.catalog.tokenizers import LARGEST


def put(folder: Path, kind: object) -> Path:
    folder.mkdir(parents=True)
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": kind}))
    (folder / "tokenizer.json").write_text("{}")
    return folder / "tokenizer.json"


def test_in_a_model_folder_beside_a_file_and_in_a_folder_of_its_name(tmp_path: Path) -> None:
    whole, single = tmp_path / "flux", tmp_path / "loose" / "sd3.5.safetensors"
    expected = {
        "t5": put(whole / "tokenizer_2", "T5TokenizerFast"),
        "gemma": put(single.parent / "tokenizer", "GemmaTokenizer"),
        "qwen": put(single.with_suffix("") / "tokenizer_3", "Qwen2Tokenizer"),
    }
    put(whole / "tokenizer", "CLIPTokenizer")
    assert find_tokenizers([whole, single]) == expected
    assert find_tokenizers([whole]) == {"t5": expected["t5"]}
    assert find_tokenizers([tmp_path / "nowhere.safetensors"]) == {}


def test_of_several_the_first(tmp_path: Path) -> None:
    put(tmp_path / "b" / "tokenizer", "T5Tokenizer")
    first = put(tmp_path / "a" / "tokenizer", "T5Tokenizer")
    assert find_tokenizers([tmp_path / "b", tmp_path / "a"]) == {"t5": first}


def test_what_is_none_is_passed_over(tmp_path: Path) -> None:
    for number, kind in enumerate((None, 3, ["x"], "Unknown")):
        put(tmp_path / str(number) / "tokenizer", kind)
    (put(tmp_path / "broken" / "tokenizer", "T5Tokenizer").parent / "tokenizer_config.json").write_text("[")
    with put(tmp_path / "huge" / "tokenizer", "T5Tokenizer").open("wb") as large:
        large.truncate(LARGEST + 1)
    (tmp_path / "bare" / "tokenizer").mkdir(parents=True)
    assert find_tokenizers(sorted(tmp_path.iterdir())) == {}
