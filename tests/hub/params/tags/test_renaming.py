"""A model's new name reaches the tags that name it, and no others."""

import pytest

from hub.params import renamed_in

NEW = "new/b.safetensors"


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("x <lora:a> y", "x <lora:new/b> y"),
        ("<lora:a:0.5:1><LoRA: a.safetensors :1>", "<lora:new/b:0.5:1><LoRA: new/b.safetensors :1>"),
        ("<random:<lora:a>,b>", "<random:<lora:new/b>,b>"),
        ("<lora:aa> <lora:x/a> <embed:a> a <lora:a", "<lora:aa> <lora:x/a> <embed:a> a <lora:a"),
    ],
)
def test_of_a_lora(text: str, after: str) -> None:
    assert renamed_in(text, "LoRA", "a.safetensors", NEW) == after


def test_of_an_embedding_by_both_its_tags_and_of_kinds_without_any() -> None:
    text = "<embed:(old) [x]> <embedding:(old) [x]> <lora:(old) [x]>"
    after = "<embed:new/b> <embedding:new/b> <lora:(old) [x]>"
    assert renamed_in(text, "Embedding", "(old) [x].safetensors", NEW) == after
    assert renamed_in(text, "VAE", "(old) [x].safetensors", NEW) == text
