"""Prompts with tags in requests: each picture's own texts, the metadata, and what sending it again gives."""

import time
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from backends.contract import EngineType
from hub.errors import BadInput, HubError
from hub.jobs.need import need_of
from hub.params import Context, GenRequest, Registry, is_heavy, parse, spread
from hub.params.prompts import filled_prompt
from tests.hub.params.conftest import SEED, Parse, person

DRAWN = "<random:a,b,c,d,e,f,g,h,i,j> cat"


def texts(request: GenRequest) -> list[str]:
    return [work.prompt for work in spread(request, "job", "ann", "s")]


def again(ask: Parse, request: GenRequest, **more: Any) -> GenRequest:
    """The request that the metadata of the first picture asks for."""
    return ask(dict(request.of(0).given), **more)


class TestEachPicture:
    def test_draws_anew_from_its_own_seed(self, ask: Parse) -> None:
        request = ask(prompt=DRAWN, images=20)
        assert len(set(texts(request))) > 5
        for index, work in enumerate(spread(request, "job", "ann", "s")):
            alone = ask(prompt=DRAWN, images=1, seed=work.seed)
            assert alone.prompt == work.prompt == request.of(index).given["prompt"]

    def test_counts_along_with_the_variation_seed(self, ask: Parse) -> None:
        varied = ask(prompt=DRAWN, images=3, seed=5, variationseed=100, variationseedstrength=0.5)
        assert texts(varied) == texts(ask(prompt=DRAWN, images=3, seed=105))

    def test_a_wildcard_seed_holds_for_all(self, ask: Parse) -> None:
        request = ask(prompt=DRAWN, images=20, wildcardseed=7)
        assert len(set(texts(request))) == 1
        assert request.fills == ()

    def test_so_does_no_increment_but_for_batches(self, ask: Parse) -> None:
        request = ask(prompt=DRAWN, images=3, batchsize=2, noseedincrement=True)
        assert texts(request) == texts(ask(prompt=DRAWN, images=2)) * 3

    def test_by_index(self, ask: Parse) -> None:
        request = ask(prompt="<random:a,b,c>", images=4, seed=3, wildcardseedbehavior="index")
        assert texts(request) == ["a", "b", "c", "a"]

    def test_nothing_drawn_means_one_text(self, ask: Parse) -> None:
        assert ask(prompt="<repeat[3]:x>", images=5).fills == ()

    def test_has_its_own_loras_and_embeddings(self, ask: Parse) -> None:
        prompt = "<random:<lora:style:0.5>x,<embed:bad hands>>"
        request = ask(prompt=prompt, images=12)
        works = spread(request, "job", "ann", "s")
        assert {len(work.loras) for work in works} == {len(work.embeddings) for work in works} == {0, 1}
        assert {"loras", "embeddings"} <= set(request.features)
        for index, work in enumerate(works):
            own = request.of(index)
            assert ("loras" in own.given) == ("prompted_loras" in own.extra) == bool(work.loras)
            assert ("used_embeddings" in own.extra) == bool(work.embeddings)
            assert [model.param for model in own.other_models] == (["loras"] if work.loras else ["prompt"])
            assert own.extra["original_prompt"] == prompt

    def test_cannot_have_parameters_of_its_own(self, ask: Parse) -> None:
        prompt = "<random:<param[steps]:3>,<param[steps]:4>,<param[steps]:5>>"
        assert ask(prompt=prompt).steps in (3, 4, 5)
        with pytest.raises(BadInput, match="one image at a time"):
            ask(prompt=prompt, images=9)

    def test_survives_the_store(self, ask: Parse) -> None:
        request = ask(prompt=DRAWN, images=4).without_pictures()
        kept = msgspec.msgpack.decode(msgspec.msgpack.encode(request), type=GenRequest)
        assert spread(kept, "job", "ann", "s") == spread(request, "job", "ann", "s")
        assert [kept.of(i) for i in range(4)] == [request.of(i) for i in range(4)]


class TestMetadata:
    def test_tells_the_text_before_and_after(self, ask: Parse) -> None:
        request = ask(prompt="<repeat[2]:big> cat", negativeprompt="<random:ugly>")
        assert request.given["prompt"] == "big big cat"
        assert request.extra["original_prompt"] == "<repeat[2]:big> cat"
        assert request.extra["original_negativeprompt"] == "<random:ugly>"
        assert request.given["wildcardseed"] == SEED

    def test_says_nothing_of_plain_prompts(self, ask: Parse) -> None:
        request = ask(prompt="a cat", wildcardseed=-1)
        assert "original_prompt" not in request.extra
        assert "wildcardseed" not in request.given

    async def test_names_the_wildcards(self, ask: Parse, context: Context) -> None:
        await context.catalog.wildcards.edit("animals/pet", "cat\ndog", None, keep_picture=True)
        request = ask(prompt="<wildcard:pet>", images=5)
        assert all(request.of(index).extra["used_wildcards"] == ["animals/pet"] for index in range(5))

    @pytest.mark.parametrize(
        "prompt",
        [
            DRAWN,
            "<lora:style:0.5>a <random:1-100>",
            "a <base> <random:x,y> <refiner> z",
            "<alternate:a,b> <fromto[0.5]:c,d> <break> e",
            "<random:<embed:bad hands>,<lora:ann>> <param[cfgscale]:3>",
            "a < b <unknown:x> {value}",
        ],
    )
    def test_sent_again_gives_the_same_work(self, ask: Parse, prompt: str) -> None:
        given = {"prompt": prompt, "negativeprompt": "<random:u,v,w>", "refinerupscale": 2}
        first = ask(given, images=3)
        for index, work in enumerate(spread(first, "job", "ann", "s")):
            own = dict(first.of(index).given) | {"seed": work.seed}
            (same,) = spread(ask(own, images=1), "job", "ann", "s")
            assert msgspec.structs.replace(same, id=work.id) == work
            # and so does the text with its tags, without what the tags had set
            with_tags = given | {"seed": work.seed, "wildcardseed": own["wildcardseed"]}
            (same,) = spread(ask(with_tags, images=1), "job", "ann", "s")
            assert msgspec.structs.replace(same, id=work.id) == work


class TestPasses:
    def test_each_gets_its_text(self, ask: Parse) -> None:
        request = ask(prompt="a cat <base> rough <refiner> fine", negativeprompt="bad", refinerupscale=2)
        assert (request.prompt, request.negative_prompt) == ("a cat rough", "bad")
        assert request.engine_extra["refinerprompt"] == "a cat fine"
        assert "refinernegativeprompt" not in request.engine_extra
        assert request.given["prompt"] == "a cat <base> rough <refiner> fine"

    def test_settings_behind_refiner_are_the_seconds(self, ask: Parse) -> None:
        request = ask(prompt="a<refiner><param[cfgscale]:2>", refinerupscale=2)
        assert request.second is not None and request.second.cfg_scale == 2


class TestSettings:
    def test_come_over_the_request(self, ask: Parse) -> None:
        request = ask(prompt="a<param[steps]:9> <param[model]:sdxl>", steps=3)
        assert (request.steps, request.model.name) == (9, "sdxl/base.safetensors")
        assert request.prompt == "a "

    def test_bad_ones_are_refused_as_ever(self, ask: Parse) -> None:
        with pytest.raises(BadInput) as refused:
            ask(prompt="<param[steps]:many>")
        assert refused.value.extra["field"] == "steps"

    def test_need_their_permission(self, ask: Parse) -> None:
        with pytest.raises(HubError, match="permission"):
            ask(prompt="<param[exactbackendid]:0>", by=person("basic_image_generation"))

    def test_presets(self, context: Context) -> None:
        presets = {"warm": {"prompt": "{value} sun", "CFG Scale": "2", "images": "2", "Negative Prompt": "x"}}
        own = msgspec.structs.replace(context, presets=presets)
        request = parse({"images": 1, "prompt": "cat<preset:Warm>", "negativeprompt": "y"}, person(), own)
        assert (request.prompt, request.negative_prompt) == ("cat sun", "x")
        assert (request.cfg_scale, request.images) == (2.0, 2)
        assert request.extra["presets_used"] == ["Warm"]


def test_triggers(context: Context, ask: Parse) -> None:
    entries = {entry.name: entry for entry in context.catalog.seen_by(person(), "LoRA")}
    assert ask(prompt="a <trigger>", loras="style").prompt == "a "
    shelf = context.catalog._shelves["LoRA"].entries
    told = msgspec.structs.replace(entries["style.safetensors"], trigger_phrase="in style")
    context.catalog._shelves["LoRA"] = msgspec.structs.replace(  # type: ignore[index]
        context.catalog._shelves["LoRA"], entries={**shelf, told.name: told}
    )
    assert ask(prompt="a <trigger>", loras="style").prompt == "a in style"
    assert filled_prompt("a <lora:style><trigger>", person(), context) == ("a in style", [])
    assert filled_prompt("a <trigger>", person(), context) == ("a ", [])


def test_what_no_engine_can_do(ask: Parse) -> None:
    with pytest.raises(BadInput, match="<region…> gives a part of the picture a prompt of its own"):
        ask(prompt="a <region:0,0,0.5,1> dog")


def test_parts_of_the_picture_go_to_the_engine(ask: Parse, context: Context) -> None:
    kind = EngineType("far", "Far", "", Struct, features=("regions", "segments"))
    able = msgspec.structs.replace(context, registry=Registry((kind,)))
    text = "a <random:wood,field> <region:0,0,0.5,1,0.8> dog <segment:face,0.4,0.3> its nose"
    raw = {"images": 3, "prompt": text, "negativeprompt": "bad<segment:face>blur", "globalregionfactor": 0.3}
    request = parse(raw, person(), able)
    assert request.asked_by == {"regions": "Global Region Factor", "segments": "<segment…>"}
    for index, work in enumerate(spread(request, "job", "ann", "s")):
        region, segment, negative = work.regions
        assert (region.kind, region.prompt, region.width, region.strength) == ("region", "dog", 0.5, 0.8)
        assert (segment.what, segment.prompt, segment.creativity) == ("face", "its nose", 0.4)
        assert (negative.what, negative.prompt, negative.negative) == ("face", "blur", True)
        assert work.prompt in ("a wood", "a field")
        assert "\0" not in work.prompt + work.negative_prompt
        assert work.extra["globalregionfactor"] == 0.3
        assert "<region:0,0,0.5,1,0.8>" in str(request.of(index).given["prompt"])
        assert request.of(index).extra["original_prompt"] == text


def test_what_is_for_regions_asks_nothing_without_them(ask: Parse) -> None:
    request = ask(prompt="a cat", globalregionfactor=0.3, segmentsteps=5)
    assert not {"regions", "segments"} & set(request.features)


def test_what_no_engine_can_do_with_segments_is_asked_for_where_there_are_some(context: Context) -> None:
    kind = EngineType("far", "Far", "", Struct, features=("regions", "segments"))
    able = msgspec.structs.replace(context, registry=Registry((kind,)))
    raw = {"images": 1, "savesegmentmask": True, "segmenttargetresolution": "512x512"}
    assert parse(raw | {"prompt": "red"}, person(), able).asked_by == {}
    asked = parse(raw | {"prompt": "red <segment:face> smile"}, person(), able).asked_by
    assert asked["segment_masks"] == "Save Segment Mask"
    assert asked["segment_resolution"] == "Segment Target Resolution"


@pytest.mark.parametrize(
    "text", ["<region:0,0,1>", "<object:a,0,1,1>", "<region:1,1,1,1>", "<region:0,0,1,1,1,1>", "<segment:>"]
)
def test_parts_that_cannot_be_understood(text: str, context: Context) -> None:
    kind = EngineType("far", "Far", "", Struct, features=("regions", "segments"))
    able = msgspec.structs.replace(context, registry=Registry((kind,)))
    request = parse({"images": 1, "prompt": "x" + text}, person(), able)
    assert request.prompt == "x" and not request.regions and not request.asked_by
    assert request.warnings[0].startswith(f"{text} was left out of Prompt: ")


class TestLorasOfParts:
    FEATURES = ("regions", "segments", "region_loras", "loras")
    TEXT = "all <segment:face><lora:style:0.5> smile <object:0,0,1,1>a cat<lora:gentle><lora:ann:1:2>"

    def able(self, context: Context, *features: str) -> Context:
        kind = EngineType("far", "Far", "", Struct, features=features)
        return msgspec.structs.replace(context, registry=Registry((kind,)))

    def test_each_belongs_to_the_part_it_stands_in(self, context: Context) -> None:
        able = self.able(context, *self.FEATURES)
        request = parse({"images": 1, "prompt": self.TEXT, "seed": 1}, person(), able)
        face, cat = request.regions
        assert [(one.model.name, one.weight) for one in face.loras] == [("style.safetensors", 0.5)]
        assert [(one.model.name, one.weight, one.text_weight) for one in cat.loras] == [
            ("gentle.safetensors", 0.4, 0.4),
            ("people/ann.safetensors", 1, 2),
        ]
        assert (face.prompt, cat.prompt, request.prompt, request.loras) == ("smile", "a cat", "all", ())
        assert request.asked_by["region_loras"] == "<lora…>"
        assert request.extra["prompted_loras"] == ["style", "gentle", "people/ann"]
        assert [one.name for one in request.other_models] == [
            "style.safetensors",
            "gentle.safetensors",
            "people/ann.safetensors",
        ]
        assert {(one.subtype, one.param) for one in need_of(request).models} == {("LoRA", "Prompt")}
        again = parse({"images": 1, **request.given}, person(), able)
        assert (again.regions, again.given) == (request.regions, request.given)

    def test_what_cannot_be_confined_is_refused(self, context: Context) -> None:
        able = self.able(context, *self.FEATURES, "clear")
        for text in ("<region:0,0,1,1>", "<region:background>", "<clear:sky>"):
            with pytest.raises(BadInput, match="over a part of the picture while all of it is drawn"):
                parse({"images": 1, "prompt": f"a {text}b <lora:style>"}, person(), able)
        with pytest.raises(BadInput, match="Negative Prompt"):
            parse({"images": 1, "negativeprompt": "a <segment:x><lora:style>"}, person(), able)
        with pytest.raises(BadInput, match="region_loras"):
            parse({"images": 1, "prompt": self.TEXT}, person(), self.able(context, "regions", "segments"))
        with pytest.raises(BadInput, match="does not fit"):
            parse({"images": 1, "prompt": "a <segment:x><lora:xl only>"}, person(), able)


def test_ten_thousand_pictures_take_seconds(ask: Parse, context: Context) -> None:
    limits = msgspec.structs.replace(context.limits, images=10_000)
    own = msgspec.structs.replace(context, limits=limits)
    begun = time.process_time()
    raw = {"images": 10_000, "prompt": DRAWN + " <random[3]:x,y,z>"}
    assert is_heavy(raw)
    assert len(parse(raw, person(), own).fills) == 10_000
    assert time.process_time() - begun < 30  # processor seconds: what is quadratic takes minutes


def test_texts_of_many_pictures_are_bounded(context: Context) -> None:
    limits = msgspec.structs.replace(context.limits, images=10_000)
    own = msgspec.structs.replace(context, limits=limits)
    with pytest.raises(BadInput, match="fewer images"):
        parse({"images": 10_000, "prompt": DRAWN + "x" * 50_000}, person(), own)


@pytest.mark.parametrize(
    ("raw", "heavy"),
    [
        ({"images": 1, "prompt": "<random:a>"}, False),
        ({"images": 8, "prompt": "<random:a>"}, False),
        ({"images": 9, "prompt": "<random:a>"}, True),
        ({"images": 9, "prompt": "a"}, False),
        ({"Images": "100", "prompt": "<random:a>"}, True),
        ({"images": 1, "prompt": "<random:" + "a" * 5000}, True),
    ],
)
def test_what_is_left_to_a_thread(raw: dict[str, Any], heavy: bool) -> None:
    assert is_heavy(raw) is heavy
