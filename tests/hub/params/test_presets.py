"""Presets come over what the request says, in order."""

from typing import Any

import msgspec
import pytest

from hub.errors import BadInput, HubError
from hub.params import Context, GenRequest, parse, preset_titles
from tests.hub.params.conftest import person

PRESETS = {
    "portrait": {"prompt": "portrait of {value}, sharp", "steps": "30", "negativeprompt": "{value} blurry"},
    "fast": {"steps": "4", "CFG Scale": "1.5"},
    "broken": {"steps": "many"},
    "powerful": {"exactbackendid": "0"},
    "later": {"teacachestart": "0.5", "unheard": "x"},
    "four": {"images": "4"},
}


def run(context: Context, titles: Any, *flags: str, **keys: Any) -> GenRequest:
    own = msgspec.structs.replace(context, presets=PRESETS)
    return parse({"images": 1, "presets": titles, **keys}, person(*flags), own)


def test_applied_in_order_over_the_request(context: Context) -> None:
    request = run(context, ["Portrait", "FAST"], prompt="a cat", steps=9)
    assert request.prompt == "portrait of a cat, sharp"
    assert request.negative_prompt == " blurry"
    assert (request.steps, request.cfg_scale) == (4, 1.5)
    assert request.extra["presets_used"] == ["Portrait", "FAST"]


def test_a_value_in_the_request_itself_is_text(context: Context) -> None:
    assert run(context, [], prompt="set {value}").prompt == "set {value}"


def test_a_preset_may_change_the_number_of_images(context: Context) -> None:
    assert run(context, "four").images == 4


def test_unknown_titles_are_passed_over_and_named(context: Context) -> None:
    request = run(context, ["gone", "fast"])
    assert request.extra["presets_used"] == ["fast"]
    assert request.extra["presets_not_found"] == ["gone"]


def test_what_a_preset_asks_that_we_do_without_is_named(context: Context) -> None:
    assert run(context, ["later"]).extra["unused_parameters"] == ["teacachestart"]


def test_a_bad_value_names_preset_and_field(context: Context) -> None:
    with pytest.raises(HubError) as refused:
        run(context, ["broken"])
    assert refused.value.text.startswith("Preset 'broken': Invalid value for parameter Steps")
    assert refused.value.extra["field"] == "steps"
    assert refused.value.extra["preset"] == "broken"


def test_a_preset_lends_no_permission(context: Context) -> None:
    with pytest.raises(HubError) as refused:
        run(context, ["powerful"], "basic_image_generation")
    assert refused.value.extra["permission"] == "param_backend_id"


@pytest.mark.parametrize("titles", [3, {"a": 1}, [1], ["x"] * 101])
def test_no_list_of_titles(context: Context, titles: Any) -> None:
    with pytest.raises(BadInput) as refused:
        run(context, titles)
    assert refused.value.extra["field"] == "presets"


def test_the_titles_a_request_names() -> None:
    assert preset_titles({"presets": ["a", "b"]}) == ("a", "b")
    assert preset_titles({"presets": "a"}) == ("a",)
    assert preset_titles({}) == preset_titles({"presets": None}) == preset_titles({"presets": ""}) == ()


def test_a_preset_named_twice_is_named_once_in_the_metadata(context: Context) -> None:
    assert run(context, ["fast", "fast"]).extra["presets_used"] == ["fast"]
