"""The pure parts of hosted engines: sizes within limits, times to wait, words fit to be shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.hosted.calls import retry_after
from backends.hosted.events import Events
from backends.hosted.picture import surround
from backends.hosted.refused import quoted
from backends.hosted.shapes import nearest, within
from tests.hosted.serving import opened, picture


@given(st.integers(64, 8192), st.integers(64, 8192))
def test_every_size_becomes_one_within_the_limits(width: int, height: int) -> None:
    got = within((width, height), multiple=16, longest=3840, area=(655_360, 8_294_400), widest=3.0)
    assert got[0] % 16 == got[1] % 16 == 0
    assert max(got) <= 3840 and max(got) <= 3 * min(got)
    assert 655_360 <= got[0] * got[1] <= 8_294_400


@given(st.sampled_from(((1024, 1024), (1536, 864), (3840, 2160), (1040, 2000))))
def test_a_size_within_the_limits_stays(size: tuple[int, int]) -> None:
    assert within(size, multiple=16, longest=3840, area=(655_360, 8_294_400), widest=3.0) == size


def test_of_one_shape_the_nearest_area_is_taken() -> None:
    assert nearest((500, 500), ((256, 256), (512, 512), (1024, 1024))) == (512, 512)
    assert nearest((500, 400), ((1, 1), (5, 4))) == (5, 4)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Thu, 01 Jan 1970 00:01:40 GMT"}, 40.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:10 GMT"}, 0.0),
    ],
)
def test_how_long_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, 60.0) == seconds


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("your  key\nmy-secret is odd", "your key … is odd"),
        ("Incorrect API key provided: sk-proj-ab***xyz.", "Incorrect API key provided: …"),
        ("bell\x07 and \x1b[31mred", "bell and [31mred"),
        ("task-force and skating stay", "task-force and skating stay"),
    ],
)
def test_a_providers_words(words: str, shown: str) -> None:
    assert quoted(words, "my-secret") == shown


@given(st.integers(1, 40))
def test_events_are_the_same_however_they_are_cut(length: int) -> None:
    stream = b': hello\r\nevent: a\r\ndata: {"x": 1}\r\n\r\ndata:two\ndata: lines\n\nid: 3\n\n'
    stream += b"data: [DONE]\n\ndata: cut off"
    events = Events()
    told = [e for at in range(0, len(stream), length) for e in events.feed(stream[at : at + length])]
    assert told == [b'{"x": 1}', b"two\nlines"]


def test_a_surrounded_picture_keeps_its_middle_and_draws_its_edges_out() -> None:
    start = opened(picture((64, 64), (10, 200, 30)))
    wide = surround(start, (2, 1))
    assert wide.size == (128, 64)
    assert wide.crop((32, 0, 96, 64)).tobytes() == start.tobytes()
    assert wide.getpixel((0, 0)) == start.getpixel((0, 0))
    assert surround(start.getchannel("R"), (1, 2), fill=0).getpixel((0, 0)) == 0
    assert surround(start, (1, 1)) is start
