"""Whatever is sent, parsing answers with a request or a refusal, never with a crash."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backends.contract import Work
from hub.errors import HubError
from hub.params import DOCUMENTED, Context, GenRequest, parse, spread
from tests.hub.params.conftest import person

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(2**70), max_value=2**70)
    | st.floats()
    | st.text(max_size=40)
    | st.sampled_from(["1e999", "-1", "20.0", "NaN", "raw/x", "data:image/png;base64,AAAA", "{value}", "1:1"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
IDS = sorted(DOCUMENTED)
REGISTERED = (
    "prompt negativeprompt images seed steps cfgscale variationseed variationseedstrength aspectratio width "
    "height sidelength initimage initimagecreativity model sampler scheduler batchsize rawresolution "
    "donotsave altresolutionheightmultiplier exactbackendid internalbackendtype personalnote imageformat "
    "presets overrideoutpathformat extra_metadata"
).split()
KEYS = st.sampled_from(REGISTERED) | st.sampled_from(IDS) | st.text(max_size=12)
# A fixture that only reads may be shared by all examples.
RELAXED = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def check(found: GenRequest) -> None:
    """What everything below the parser relies on."""
    assert 64 <= found.width <= 16384
    assert 64 <= found.height <= 16384
    assert 0 <= found.steps <= 500
    assert 0 <= found.seed < 2**63
    assert 1 <= found.images * found.batch_size <= 10000
    assert 0.0 <= found.strength <= 1.0
    assert 0.0 <= found.variation_strength <= 1.0
    assert (found.variation_seed is None) == (found.variation_strength == 0)
    assert found.model.path
    if found.images * found.batch_size < 50:
        works = spread(found, "j", "u", "s")
        assert len(works) == found.images * found.batch_size
        assert all(isinstance(work, Work) for work in works)


@RELAXED
@given(raw=st.dictionaries(KEYS, VALUES, max_size=6))
def test_any_keys_and_values(context: Context, raw: dict[str, Any]) -> None:
    try:
        found = parse({"images": 1, **raw}, person(), context)
    except HubError as refused:
        assert refused.body()["error"]
        assert len(refused.text) < 2000
    else:
        check(found)


NUMBERS = st.fixed_dictionaries(
    {"images": st.integers(0, 200)},
    optional={
        "steps": st.integers(-2, 510),
        "seed": st.integers(-2, 2**63),
        "batchsize": st.integers(0, 101),
        "width": st.integers(60, 4000) | st.floats(60, 4000),
        "height": st.integers(60, 4000),
        "sidelength": st.integers(60, 3000),
        "aspectratio": st.sampled_from(["1:1", "16:9", "9:21", "custom"]),
        "altresolutionheightmultiplier": st.floats(-1, 11),
        "cfgscale": st.floats(-1, 101),
        "variationseed": st.integers(-2, 2**32),
        "variationseedstrength": st.floats(-0.1, 1.1),
        "rawresolution": st.from_regex(r"\d{1,5}x\d{1,5}", fullmatch=True),
    },
)


@RELAXED
@given(raw=NUMBERS)
def test_numbers_around_their_bounds(context: Context, raw: dict[str, Any]) -> None:
    try:
        found = parse(raw, person(), context)
    except HubError as refused:
        assert refused.extra["field"] in raw or refused.extra["field"] in ("width", "height")
        assert refused.extra["limit"] is not None
    else:
        check(found)
        if "seed" in raw and raw["seed"] >= 0:
            assert found.seed == raw["seed"]
