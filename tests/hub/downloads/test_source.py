"""What users type to name a file elsewhere."""

import pytest

from hub.downloads.source import CivitaiFile, Plain, RepoFile, read_source
from hub.errors import BadInput
from hub.outside import read_place

HF = read_place("https://huggingface.co")
CIVITAI = read_place("https://civitai.com")
FILE = "https://huggingface.co/ann/net/resolve/main/sub/a%20b.safetensors"


@pytest.mark.parametrize(
    "text",
    [
        "https://huggingface.co/ann/net/blob/main/sub/a%20b.safetensors",
        "https://huggingface.co/ann/net/resolve/main/sub/a b.safetensors".replace(" ", "%20"),
        "https://huggingface.co/ann/net/resolve/main/sub/a%20b.safetensors?download=true",
        "https://huggingface.co/ann/net/raw/main/sub/a%20b.safetensors",
        "http://hf.co/ann/net/blob/main/sub/a%20b.safetensors",
        "  hf.co/ann/net/blob/main/sub/a%20b.safetensors ",
        "hf:ann/net/sub/a b.safetensors",
        "hf://ann/net@main/sub/a b.safetensors",
        "ann/net/sub/a b.safetensors",
    ],
)
def test_hugging_face(text: str) -> None:
    source = read_source(text, HF, CIVITAI)
    assert isinstance(source, RepoFile)
    assert (source.place.url, source.repo) == (FILE, "ann/net")


def test_revisions_and_repositories_without_owner() -> None:
    source = read_source("hf:ann/net@refs/pr/3/a.safetensors", HF, CIVITAI)
    assert isinstance(source, RepoFile)
    old = read_source("https://huggingface.co/gpt2/blob/v1.0/a.safetensors", HF, CIVITAI)
    assert isinstance(old, RepoFile)
    assert (old.place.path, old.repo) == ("/gpt2/resolve/v1.0/a.safetensors", "gpt2")
    data = read_source("https://huggingface.co/datasets/a/b/resolve/main/x.safetensors", HF, CIVITAI)
    assert isinstance(data, RepoFile)
    assert (data.place.path, data.repo) == ("/datasets/a/b/resolve/main/x.safetensors", "")


def test_a_mirror_stands_in_for_the_site() -> None:
    mirror = read_place("http://127.0.0.1:9/")
    source = read_source("https://huggingface.co/a/b/blob/main/c.safetensors", mirror, CIVITAI)
    assert isinstance(source, RepoFile)
    assert source.place.url == "http://127.0.0.1:9/a/b/resolve/main/c.safetensors"


@pytest.mark.parametrize(
    ("text", "model", "version"),
    [
        ("https://civitai.com/models/123", 123, 0),
        ("https://civitai.com/models/123/a-name?modelVersionId=456", 123, 456),
        ("https://www.civitai.com/models/123/a-name?modelVersionId=456&x=1", 123, 456),
        ("civitai.com/model-versions/456", 0, 456),
        ("https://civitai.com/api/v1/model-versions/456", 0, 456),
        ("civitai:456", 0, 456),
        ("civitai:123@456", 123, 456),
        ("urn:air:sdxl:checkpoint:civitai:123@456", 123, 456),
    ],
)
def test_civitai(text: str, model: int, version: int) -> None:
    assert read_source(text, HF, CIVITAI) == CivitaiFile(model=model, version=version)


def test_an_exact_file_of_civitai_stays_it() -> None:
    url = "https://civitai.com/api/download/models/456?type=Model&format=SafeTensor"
    assert read_source(url, HF, CIVITAI) == CivitaiFile(version=456, place=read_place(url))


def test_any_other_address_is_itself() -> None:
    url = "https://my.example/a.safetensors?x=1"
    assert read_source(url, HF, CIVITAI) == Plain(read_place(url))


@pytest.mark.parametrize(
    "text", ["", "a model", "https://huggingface.co/ann/net", "https://civitai.com/user/ann", "ftp://x/y"]
)
def test_what_names_no_file(text: str) -> None:
    with pytest.raises(BadInput):
        read_source(text, HF, CIVITAI)
