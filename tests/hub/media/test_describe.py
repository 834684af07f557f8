"""The metadata block: SwarmUI's form, byte for byte."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.media.describe import Times, describe, describe_preview, duration, to_text
from tests.hub.media.samples import request, work


class TestTheBlock:
    def test_holds_everything_in_order(self) -> None:
        asked = request(extra={"presets_used": ["p"]})
        text = describe(asked, work(), Times("2026-02-03", 0.5, 4.837), {"drawn_size": "64x32"}, "9.9")
        block = json.loads(text)
        assert list(block) == ["sui_image_params", "sui_extra_data", "sui_models"]
        assert list(block["sui_image_params"]) == ["prompt", "images", "seed", "cfgscale", "swarm_version"]
        assert block["sui_extra_data"] == {
            "date": "2026-02-03",
            "prep_time": "0.50 sec",
            "generation_time": "4.84 sec",
            "presets_used": ["p"],
            "drawn_size": "64x32",
        }
        assert block["sui_models"] == [
            {"name": "folder/my model.safetensors", "param": "model", "hash": "0xab"}
        ]

    def test_each_image_has_its_own_seed_and_text(self) -> None:
        asked = request(variation_seed=5)
        own = work(seed=12, variation_seed=7, prompt="a hat")
        block = json.loads(describe(asked, own, Times("d"), {}, "1"))["sui_image_params"]
        assert (block["seed"], block["variationseed"], block["prompt"]) == (12, 7, "a hat")

    def test_a_large_seed_stays_exact(self) -> None:
        text = describe(request(), work(seed=2**63 - 1), Times("d"), {}, "1")
        assert str(2**63 - 1) in text

    def test_a_preview_says_so(self) -> None:
        params = json.loads(describe_preview(request(), work(), "1"))["sui_image_params"]
        assert params["is_preview"] is True and params["preview_notice"]


class TestTheText:
    def test_is_indented_ascii(self) -> None:
        assert to_text({"a": ["ö", 1, True, None, 1.5], "b": {}, "c": []}) == (
            '{\n  "a": [\n    "\\u00f6",\n    1,\n    true,\n    null,\n    1.5\n  ],'
            '\n  "b": {},\n  "c": []\n}'
        )

    def test_no_number_json_does_not_know(self) -> None:
        assert to_text([float("nan"), float("inf")]) == "[\n  null,\n  null\n]"

    @given(
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.text()
            | st.floats(allow_nan=False, allow_infinity=False),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        )
    )
    def test_reads_back_as_what_it_was(self, value: object) -> None:
        assert to_text(value) == json.dumps(value, indent=2)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0.00 sec"), (4.836, "4.84 sec"), (120, "120.00 sec"), (150, "2.50 min")]
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_a_block_built_on_its_preview_is_the_same() -> None:
    asked = request(
        extra={"presets_used": ["p"]}, given={"prompt": 'a ",\n    "is_preview": true cat', "seed": 1}
    )
    preview = describe_preview(asked, work(), "1")
    assert json.loads(preview)["sui_extra_data"] == {"presets_used": ["p"]}
    plain = describe(asked, work(), Times("d"), {"x": 1}, "1")
    assert describe(asked, work(), Times("d"), {"x": 1}, "1", preview) == plain
