"""What the grid generator's parameters do, in a grid and in an ordinary request."""

import msgspec
import pytest

from hub.errors import BadInput
from hub.params import Context, over_of, parse
from tests.hub.params.conftest import Parse, person


class TestInAnOrdinaryRequest:
    def test_texts_in_both_prompts_are_replaced(self, ask: Parse) -> None:
        request = ask(
            prompt="a cat and a cat", negativeprompt="cat hair", **{"[Grid Gen] Prompt Replace": "cat=dog"}
        )
        assert (request.prompt, request.negative_prompt) == ("a dog and a dog", "dog hair")
        assert "gridgenpromptreplace" not in request.given
        assert request.given["prompt"] == "a dog and a dog"

    def test_text_is_added_to_the_prompt(self, ask: Parse) -> None:
        request = ask(prompt="a cat", negativeprompt="blur", gridgenpromptadd="in snow")
        assert (request.prompt, request.negative_prompt) == ("a cat in snow", "blur")
        assert ask(prompt="", gridgenpromptadd="in snow").prompt == "in snow"

    @pytest.mark.parametrize("rule", ["cat", "=dog", " =dog"])
    def test_a_rule_says_what_it_replaces(self, ask: Parse, rule: str) -> None:
        with pytest.raises(BadInput) as refused:
            ask(prompt="a cat", gridgenpromptreplace=rule)
        assert refused.value.extra["field"] == "gridgenpromptreplace"

    def test_presets_come_last(self, context: Context) -> None:
        presets = {"few": {"steps": "3"}, "more": {"prompt": "{value}, big"}}
        surroundings = msgspec.structs.replace(context, presets=presets)
        raw = {"images": 1, "prompt": "x", "steps": 9, "gridgenpresets": "Few, more, none"}
        request = parse(raw, person(), surroundings)
        assert (request.steps, request.prompt) == (3, "x, big")
        assert request.extra["presets_used"] == ["Few", "more"]
        assert request.extra["presets_not_found"] == ["none"]


class TestOver:
    def test_it_wins_over_what_was_given_and_over_presets(self, context: Context) -> None:
        over = over_of([("steps", "5"), ("gridgenpromptreplace", "a=b"), ("gridgenpromptreplace", "b=c")])
        surroundings = msgspec.structs.replace(context, presets={"few": {"steps": "3"}}, over=over)
        request = parse(
            {"images": 1, "Steps": 9, "prompt": "a b", "presets": ["few"]}, person(), surroundings
        )
        assert (request.steps, request.prompt) == (5, "c c")

    def test_a_value_that_cannot_be_is_refused_as_always(self, context: Context) -> None:
        surroundings = msgspec.structs.replace(context, over=over_of([("steps", "many")]))
        with pytest.raises(BadInput) as refused:
            parse({"images": 1}, person(), surroundings)
        assert refused.value.extra["field"] == "steps"

    def test_presets_of_several_axes_come_one_after_the_other(self) -> None:
        assert over_of([("gridgenpresets", "a, b"), ("gridgenpresets", "c")]).presets == ("a", "b", "c")
