"""Headers are read bounded, and nothing but headers is read."""

import hashlib
import struct
from pathlib import Path

import pytest

from hub.catalog.header import MAX_HEADER_BYTES, BadHeader, read_header, tensor_hash
from tests.hub.catalog.conftest import write_safetensors


class TestReading:
    def test_metadata_and_shapes(self, tmp_path: Path) -> None:
        path = write_safetensors(tmp_path / "a.safetensors", ["x"], shape=(3, 4), modelspec__title="A")
        header = read_header(path)
        assert header.metadata == {"modelspec.title": "A"}
        assert header.shape("x") == (3, 4)
        assert header.shape("y") == ()

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"1234567",
            struct.pack("<Q", 10),
            struct.pack("<Q", 2**63) + b"{}",
            struct.pack("<Q", 2) + b"[]",
            struct.pack("<Q", 3) + b"{]}",
            struct.pack("<Q", 4) + b"\xff\xfe{}",
            struct.pack("<Q", 21) + b'{"__metadata__": "no"',
            b"\x80\x02}q\x00." + b"x" * 100,  # a pickle under a wrong name
        ],
    )
    def test_damaged_files_are_refused(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "bad.safetensors"
        path.write_bytes(content)
        with pytest.raises(BadHeader):
            read_header(path)

    def test_a_header_beyond_the_bound_is_not_read(self, tmp_path: Path) -> None:
        path = tmp_path / "long.safetensors"
        with path.open("wb") as file:
            file.write(struct.pack("<Q", MAX_HEADER_BYTES + 1))
            file.truncate(MAX_HEADER_BYTES + 100)  # sparse: costs no disk
        with pytest.raises(BadHeader, match="at most"):
            read_header(path)


def test_the_hash_is_of_the_tensors_alone(tmp_path: Path) -> None:
    one = write_safetensors(tmp_path / "one.safetensors", modelspec__title="one")
    two = write_safetensors(tmp_path / "two.safetensors", modelspec__title="another title")
    assert tensor_hash(one) == tensor_hash(two) == "0x" + hashlib.sha256(b"\0\0\0\0").hexdigest()
