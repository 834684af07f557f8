"""Every tag of prompts: what takes its place, and what is refused."""

import re

import pytest

from hub.errors import BadInput
from hub.params.tags.filling import MAX_DEPTH, MOST_WARNINGS, TRIGGER, Filling
from hub.params.tags.known import TAGS
from hub.params.tags.stages import split, written
from tests.hub.params.tags.conftest import Make


def filled(filling: Filling, text: str) -> str:
    return filling.run({"prompt": text})["prompt"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a cat",
        "a < b > c",
        "<",
        ">",
        "<<>>",
        "<nothing:here>",
        "((a:1.2), b) <break> BREAK",
        "<lora",
        "lora:style>",
        "<lorax:style>",
        "<random>",
        "<break:x>",
        "a > b < c",
        "<3 <3",
        "<random[2:a,b>",
    ],
)
def test_what_is_no_tag_stays(make: Make, text: str) -> None:
    filling = make()
    assert filled(filling, text) == text
    assert not filling.prompted and not filling.chance


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("<lora:style>", ""),
        ("a<lora:style>b", "ab"),
        ("a < b<lora:style> c", "a < b c"),
        ("<unknown:<lora:style>>", "<unknown:>"),
        ("< LORA :style>", ""),
        ("<lora:style><lora:style>>", ">"),
        ("<lora:<setvar[x,false]:style><var:x>:0.5>", ""),
        ("<embed:bad hands>", "<embed:bad hands.safetensors>"),
        ("<comment:a <lora:none> b>c", "c"),
        ("<BREAK>", "<break>"),
        ("<random:a>", "a"),
        ("<random:a||a>", "a"),
        ("<random[3]:a,a>", "a a a"),
        ("<random[3,]:a,a>", "a, a, a"),
        ("<random[0]:a>", ""),
        ("<random:5-5>", "5"),
        ("<random:0.5-0.5>", "0.50"),
        ("<repeat[3]:very> big", "very very very big"),
        ("<repeat[2,]:x>", "x, x"),
        ("<repeat[0]:x>", ""),
        ("<setvar[a]:<random:cat>> <var:a>", "cat cat"),
        ("<setvar[a,false]:cat><var:a>", "cat"),
        ("<setvar[a]:x><setvar[a]:y><var:a>", "xyy"),
        ("<setmacro[m,false]:<var:n>><setvar[n,false]:1><macro:m><setvar[n,false]:2><macro:m>", "12"),
        ("<setmacro[m]:<random:a>> <macro:m>", "a a"),
        ("<wildcard:COL,not=red,green>", "blue"),
        ("<wc[3]:size,not=x>", None),
        ("<alternate:cat,dog>", "[cat|dog]"),
        ("<alt:a, b||c>", "[a, b|c]"),
        ("<fromto[0.5]:cat,<alternate:x,y>>", "[cat:[x|y]:0.5]"),
        ("<fromto[10]:(a:1.2),b>", "[(a:1.2):b:10]"),
        ("<preset:Warm>", ", warm light"),
        ("<p:quick>x", "x"),
        ("<param:steps>", "20"),
        ("<param[steps]:9><param: Steps>", "9"),
    ],
)
def test_what_takes_its_place(make: Make, text: str, left: str | None) -> None:
    got = filled(make(), text)
    if left is not None:
        assert got == left
    assert filled(make(), got) == got, "sent again it means something else"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<lora:nothing>", "Invalid model value for <lora:…>"),
        ("<lora:style:x>", "must be a number from -10 to 10"),
        ("<embed:nothing>", "Invalid model value for <embed:…>"),
        ("<random: >", "needs something to choose from"),
        ("<random[x]:a>", "needs a count"),
        ("<random[3-2]:a>", "needs a count"),
        ("<random[99999]:a>", "at most 1000"),
        ("<wildcard:nothing>", "no such wildcard"),
        ("<wildcard:>", "no such wildcard"),
        ("<wildcard:empty>", "nothing to choose from"),
        ("<wildcard:colour,not=red,green,blue>", "nothing to choose from"),
        ("<repeat:x>", "needs a count"),
        ("<var:x>", "used before <setvar[x]"),
        ("<macro:x>", "used before <setmacro[x]"),
        ("<setvar:x>", "needs a name"),
        ("<setvar[a,maybe]:x>", "needs a name"),
        ("<alternate:cat>", "at least two"),
        ("<alternate:a||b|c>", "outside of brackets"),
        ("<alternate:a),b>", "brackets"),
        ("<fromto:a,b>", "when to change"),
        ("<fromto[x]:a,b>", "when to change"),
        ("<fromto[0.5]:a>", "two items"),
        ("<fromto[0.5]:a:1,b>", "outside of brackets"),
        ("<preset:nothing>", "no such preset"),
        ("<param[nothing]:1>", "no such parameter"),
        ("<param[prompt]:1>", "beside the prompt"),
        ("<refiner><param[images]:1>", "before <refiner>"),
    ],
)
def test_what_cannot_be_carried_out_is_left_out_with_a_warning(make: Make, text: str, why: str) -> None:
    filling = make()
    assert "<" not in filled(filling, f"a {text} b")
    (warning,) = filling.warnings
    assert " was left out of Prompt: " in warning and why in warning and warning.endswith(".")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<wildcard:self>", "names itself"),
        ("<setmacro[m]:<macro:m>>", "names itself"),
        ("<region:0,0,1,1>a <lora:style>", "over a part of the picture"),
        ("<<random:comment>:x>", "a new tag"),
        ("<repeat[1000]:<repeat[1000]:<repeat[1000]:x>>>", "ask for fewer images"),
        ("<repeat[900]:" + "x" * 200 + ">", "longer than"),
    ],
)
def test_refusals_say_why(make: Make, text: str, why: str) -> None:
    with pytest.raises(BadInput) as refused:
        filled(make(), text)
    assert refused.value.text.startswith("Invalid value for parameter Prompt: ")
    assert why in refused.value.text
    assert refused.value.extra["field"] == "prompt"


def test_what_stands_around_a_lost_tag_is_drawn(make: Make) -> None:
    filling = make()
    assert filled(filling, "a <lora:gone>cat, <repeat[2]:<wildcard:gone>red>") == "a cat, red red"
    assert list(filling.warnings) == [
        "<lora:gone> was left out of Prompt: Invalid model value for <lora:…> - 'gone' - are you sure that "
        "model name is correct.",
        "<wildcard:gone> was left out of Prompt: there is no such wildcard as 'gone'.",
    ]


def test_only_so_many_warnings_are_told(make: Make) -> None:
    filling = make()
    filled(filling, "".join(f"<lora:gone{number}>" for number in range(90)))
    assert len(filling.warnings) == MOST_WARNINGS + 1


@pytest.mark.parametrize(
    ("tag", "feature"),
    [
        ("<segment:face>", "segments"),
        ("<clear:sky>", "clear"),
        ("<region:0,0,1,1>", "regions"),
        ("<object:0,0,1,1>", "regions"),
        ("<extend:25>", "video"),
        ("<video>", "video"),
        ("<videoswap>", "video"),
        ("<pixeldecoder>", "pixeldecoder"),
        ("<alternate:a,b>", "prompt_switching"),
        ("<fromto[0.5]:a,b>", "prompt_switching"),
    ],
)
def test_what_no_engine_can_do_is_refused_by_name(make: Make, tag: str, feature: str) -> None:
    with pytest.raises(BadInput) as refused:
        filled(make(able=frozenset({"loras"})), f"a {tag} b")
    name = re.split(r"[:\[>]", tag)[0]
    assert f"{name}…>" in refused.value.text and "take the tag out" in refused.value.text
    filling = make(able=frozenset({feature}))
    filled(filling, f"a {tag} b")
    assert filling.features == {feature: f"{name}…>"}


def test_weights(make: Make) -> None:
    filling = make()
    filled(filling, "<lora:style:-0.5:2><lora:style>")
    assert [(one.weight, one.text_weight) for one in filling.prompted] == [(-0.5, 2.0), (None, None)]


class TestChance:
    def test_the_same_seed_draws_the_same(self, make: Make) -> None:
        text = "<random:a,b,c,d,e,f,g,h> <wildcard:pet> <random:1-1000> <random[2-5]:x,y,z> <random:0.1-9.9>"
        assert filled(make(5), text) == filled(make(5), text)
        assert len({filled(make(seed), text) for seed in range(20)}) == 20

    def test_what_was_drawn_for_a_seed_stays_so_over_releases(self, make: Make) -> None:
        text = "<random:a,b,c,d,e,f,g,h> <wildcard:colour> <random:1-1000>"
        assert [filled(make(seed), text) for seed in (0, 1, 2)] == EVER

    def test_every_item_is_drawn(self, make: Make) -> None:
        drawn = [filled(make(seed), "<random:a,b,c,d>") for seed in range(400)]
        assert all(60 < drawn.count(item) < 140 for item in "abcd")

    def test_none_again_before_all_were_drawn(self, make: Make) -> None:
        for seed in range(20):
            items = filled(make(seed), "<random[7]:a,b,c>").split()
            assert set(items[:3]) == set(items[3:6]) == set("abc")

    def test_what_was_not_drawn_leaves_nothing(self, make: Make) -> None:
        filling = make()
        got = filled(filling, "<random:<lora:style>1,<lora:ann>2>")
        assert [one.model.name for one in filling.prompted] == [
            "style.safetensors" if got == "1" else "people/ann.safetensors"
        ]

    def test_each_text_has_dice_of_its_own(self, make: Make) -> None:
        texts = {"prompt": "<random:a,b,c,d,e>", "negativeprompt": "<random:a,b,c,d,e>"}
        more = texts | {"prompt": texts["prompt"] * 3}
        assert all(
            make(seed).run(texts)["negativeprompt"] == make(seed).run(more)["negativeprompt"]
            for seed in range(10)
        )

    def test_by_index(self, make: Make) -> None:
        drawn = [filled(make(seed, by_index=True), "<wildcard:colour>") for seed in range(4)]
        assert drawn == ["red", "green", "blue", "red"]

    def test_wildcards_in_wildcards_are_remembered(self, make: Make) -> None:
        used = set()
        for seed in range(10):
            filling = make(seed)
            assert "<" not in filled(filling, "<wildcard:pet>")
            used.add(tuple(filling.wildcards))
        assert used == {("animals/pet",), ("animals/pet", "colour")}


class TestStages:
    def test_text_for_both(self) -> None:
        assert split("a") == split("a").__class__("a", None)

    def test_each_pass_gets_its_own(self, make: Make) -> None:
        text = filled(make(), "a cat <base> rough <refiner> sharp <base> lines")
        stages = split(text)
        assert (stages.base, stages.refiner) == ("a cat rough lines", "a cat sharp")
        assert written(text) == "a cat <base> rough <refiner> sharp <base> lines"

    def test_a_base_section_leaves_the_refiner_the_rest(self, make: Make) -> None:
        assert split(filled(make(), "a <base> b")).refiner == "a"

    def test_settings_of_the_second_pass(self, make: Make) -> None:
        filling = make()
        filled(filling, "<param[steps]:5> a <refiner> <param[steps]:9>")
        assert [dict(one.values) for one in filling.settings] == [{"steps": "5"}, {"refinersteps": "9"}]


class TestPresets:
    def test_sets_and_splices(self, make: Make) -> None:
        filling = make()
        texts = filling.run({"prompt": "a cat<preset:warm>", "negativeprompt": "dog"})
        assert texts == {"prompt": "a cat, warm light", "negativeprompt": "dog, cold"}
        (setting,) = filling.settings
        assert (setting.preset, dict(setting.values)) == ("warm", {"steps": "7"})

    def test_in_the_negative_prompt(self, make: Make) -> None:
        filling = make()
        assert filling.run({"negativeprompt": "x <preset:bad>"}) == {"negativeprompt": "x ugly"}
        filling = make()
        assert filling.run({"negativeprompt": "<preset:warm>"}) == {"negativeprompt": ""}
        assert "into Prompt instead" in next(iter(filling.warnings)) and not filling.settings


def test_triggers_wait_for_the_model(make: Make) -> None:
    assert filled(make(), "a <trigger>") == f"a {TRIGGER}"


def test_tags_stand_so_deep_and_no_deeper(make: Make) -> None:
    def nested(deep: int) -> str:
        return "<repeat[1]:" * deep + "x" + ">" * deep

    assert filled(make(), nested(MAX_DEPTH - 1)) == "x"
    with pytest.raises(BadInput, match="deep"):
        filled(make(), nested(MAX_DEPTH + 1))


def test_every_tag_has_its_forms_told() -> None:
    for name, tag in TAGS.items():
        assert tag.description
        assert name in tag.names
        assert any(re.match(rf"<{tag.names[0]}[\[:>]", form) for form in tag.forms)


EVER = ["d green 664", "h green 489", "b blue 528"]
