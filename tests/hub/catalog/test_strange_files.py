"""Whatever lies in a model folder, looking at it ends and the rest is listed."""

import json
import os
import struct
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.catalog import cards
from hub.catalog.entry import Entry
from hub.catalog.scan import Root, scan
from tests.hub.catalog.conftest import write_folder, write_safetensors

DEEP = "[" * 200_000
RELAXED = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
SPEC_KEYS = st.sampled_from(
    ["modelspec.title", "modelspec.resolution", "modelspec.tags", "modelspec.architecture", "tags", "title"]
)
HUB_KEYS = st.sampled_from(["title", "class", "native_sizes", "defaults", "tags", "name"])


def look(folder: Path) -> Mapping[str, Entry]:
    entries = scan((Root("Stable-Diffusion", folder),), {})["Stable-Diffusion"]
    msgspec.json.encode(cards(entries.values(), (), with_picture=True))  # and it can be told
    return entries


@RELAXED
@given(header=st.binary(max_size=200))
def test_any_bytes_as_a_model(tmp_path: Path, header: bytes) -> None:
    (tmp_path / "m.safetensors").write_bytes(header)
    assert list(look(tmp_path)) == ["m.safetensors"]


@RELAXED
@given(
    header=st.dictionaries(st.text(max_size=8) | st.just("__metadata__"), JSON, max_size=4),
    spec=st.dictionaries(SPEC_KEYS, JSON, max_size=4),
    notes=st.dictionaries(HUB_KEYS, JSON, max_size=4),
)
def test_any_json_in_and_beside_it(
    tmp_path: Path, header: dict[str, object], spec: dict[str, object], notes: dict[str, object]
) -> None:
    text = json.dumps(header).encode()
    (tmp_path / "m.safetensors").write_bytes(struct.pack("<Q", len(text)) + text)
    (tmp_path / "m.swarm.json").write_text(json.dumps(spec))
    (tmp_path / "m.hub.json").write_text(json.dumps(notes))
    assert list(look(tmp_path)) == ["m.safetensors"]


def test_brackets_without_end(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "m.safetensors")
    (tmp_path / "m.swarm.json").write_text(DEEP)
    (tmp_path / "m.hub.json").write_text(DEEP)
    folder = write_folder(tmp_path / "f")
    (folder / "model_index.json").write_text('{"_class_name": ' + DEEP)
    text = b'{"__metadata__": ' + DEEP.encode()
    (tmp_path / "deep.safetensors").write_bytes(struct.pack("<Q", len(text)) + text)
    entries = look(tmp_path)
    assert sorted(entries) == ["deep.safetensors", "f", "m.safetensors"]
    assert not entries["deep.safetensors"].supported


@pytest.mark.skipif(
    sys.platform != "linux", reason="pipes and names of any bytes are a matter of the file system"
)
def test_pipes_broken_links_and_names_of_any_bytes(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.safetensors")
    (tmp_path / "gone.safetensors").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop.safetensors").symlink_to(tmp_path / "loop.safetensors")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.safetensors")).write_bytes(b"x")
    write_safetensors(tmp_path / "m.safetensors")
    os.mkfifo(tmp_path / "m.hub.json")
    os.mkfifo(tmp_path / "m.png")
    assert list(look(tmp_path)) == ["m.safetensors"]
