"""The lines about images without a picture: written, read, the later word holding."""

from hypothesis import given
from hypothesis import strategies as st

from hub.jobs.ends import End, read, write


def test_a_line_is_short_for_many_images() -> None:
    assert write([0, 1, 2, 7], End("cancelled")) == '{"state":"cancelled","images":[[0,2],[7,7]],"at":0.0}\n'


@given(
    st.lists(
        st.tuples(st.sets(st.integers(0, 50)), st.sampled_from(("cancelled", "failed")), st.text()),
        max_size=8,
    )
)
def test_what_is_written_is_read(steps: list[tuple[set[int], str, str]]) -> None:
    text = ""
    known: dict[int, End] = {}
    for number, (images, state, reason) in enumerate(steps):
        end = End(state, reason, float(number))
        text += write(images, end)
        known |= dict.fromkeys(images, end)
    assert read(text) == known
