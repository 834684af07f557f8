import random

import msgspec
import pytest

from backends.contract import Done, Image, ModelRef, Submit, Work
from backends.frames import LIMIT, FrameError, FrameReader, decode_command, decode_report, pack


def feed(reader: FrameReader, data: bytes) -> None:
    """Give bytes as a socket would: as many as fit each time."""
    rest = memoryview(data)
    while rest:
        space = reader.buffer()
        count = min(len(space), len(rest))
        space[:count] = rest[:count]
        reader.received(count)
        rest = rest[count:]


def test_a_command_survives_the_way() -> None:
    work = Work(
        "j:0", "u", "s", ModelRef("m", "/m", "sd", ((256, 256),)), "a red circle", init_image=b"\0\xff"
    )
    got: list[object] = []
    feed(FrameReader(lambda body: got.append(decode_command(body))), bytes(pack(Submit(work))))
    assert got == [Submit(work)]


@pytest.mark.parametrize("piece", [1, 3, 4, 5, 4096, 1 << 20])
def test_any_cut_gives_the_same_reports(piece: int) -> None:
    rng = random.Random(3)
    sent = [Image(str(n), rng.randbytes(rng.choice((0, 7, 5000, 400_000))), "PNG") for n in range(12)]
    sent[5:5] = [Done("x")] * 40  # type: ignore[list-item]
    stream = b"".join(bytes(pack(report)) for report in sent)
    got: list[object] = []
    reader = FrameReader(lambda body: got.append(decode_report(body)))
    if piece < 100:
        stream, sent = stream[:20_000], []
    for start in range(0, len(stream), piece):
        feed(reader, stream[start : start + piece])
    assert got[: len(sent)] == sent
    assert len(got) >= len(sent)


def test_a_large_frame_after_small_ones_keeps_its_place() -> None:
    got: list[object] = []
    reader = FrameReader(lambda body: got.append(decode_report(body)))
    big = Image("big", bytes(3_000_000), "PNG")
    feed(reader, bytes(pack(Done("a"))) + bytes(pack(big)) + bytes(pack(Done("b"))))
    assert got == [Done("a"), big, Done("b")]


def test_an_absurd_length_is_refused() -> None:
    with pytest.raises(FrameError, match="limit"):
        feed(FrameReader(lambda body: None), (LIMIT + 1).to_bytes(4, "big"))


def test_an_unknown_report_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        decode_report(msgspec.msgpack.encode({"type": "nonsense"}))
