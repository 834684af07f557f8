"""LoRAs, autoencoders and embeddings in a request: taken, weighed, refused, and said again the same way."""

from typing import Any

import pytest

from hub.errors import BadInput, HubError
from hub.params import Context, GenRequest, parse
from tests.hub.params.conftest import Parse, person

SDXL = {"model": "sdxl/base"}


def laid(request: GenRequest) -> list[tuple[str, float, float]]:
    return [(lora.model.name, lora.weight, lora.text_weight) for lora in request.loras]


class TestLists:
    @pytest.mark.parametrize(
        "loras",
        [
            "style,ann",
            "style\n|||\npeople/ann",
            ["style", "ann"],
            ["style", "people/ann.safetensors"],
            "style, ann,",
        ],
    )
    def test_every_way_to_send_a_list(self, ask: Parse, loras: Any) -> None:
        request = ask(loras=loras, loraweights="0.5,1.5")
        assert laid(request) == [
            ("style.safetensors", 0.5, 0.5),
            ("people/ann.safetensors", 1.5, 1.5),
        ]
        assert request.given["loras"] == ["style", "people/ann"]
        assert request.given["loraweights"] == ["0.5", "1.5"]
        assert request.asked_by == {"loras": "LoRAs"}

    def test_weights_left_out_are_the_lora_s_own(self, ask: Parse) -> None:
        assert laid(ask(loras="style,gentle")) == [
            ("style.safetensors", 1, 1),
            ("gentle.safetensors", 0.4, 0.4),
        ]

    def test_text_weights_of_their_own(self, ask: Parse) -> None:
        request = ask(loras=["style", "ann"], loraweights=[0.5, 1], loratencweights=[0.25])
        assert laid(request) == [("style.safetensors", 0.5, 0.25), ("people/ann.safetensors", 1, 1)]
        assert request.given["loratencweights"] == ["0.25", "1"]

    def test_one_named_twice_acts_with_both_weights(self, ask: Parse) -> None:
        assert laid(ask(loras="style,style", loraweights="0.5,0.25")) == [("style.safetensors", 0.75, 0.75)]

    @pytest.mark.parametrize("nothing", ["", [], ",", None, " "])
    def test_an_empty_list_is_none(self, ask: Parse, nothing: Any) -> None:
        request = ask(loras=nothing, loraweights=nothing)
        assert request.loras == () and "loras" not in request.given and request.asked_by == {}

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"loras": "nobody"}, "loras"),
            ({"loras": "style", "loraweights": "1,2"}, "loraweights"),
            ({"loraweights": "1"}, "loraweights"),
            ({"loras": "style", "loraweights": "11"}, "loraweights"),
            ({"loras": "style", "loraweights": "much"}, "loraweights"),
            ({"loras": "style", "loratencweights": [1, 1]}, "loratencweights"),
            ({"loras": ["style"] * 33}, "loras"),
            ({"loras": "style," * 33}, "loras"),
            ({"loras": "x" * 1_000_000}, "loras"),
            ({"loraweights": ["1"] * 1_000_000}, "loraweights"),
            ({"loras": "old.pt"}, "loras"),
            ({"loras": [{}]}, "loras"),
            ({"loras": {"a": 1}}, "loras"),
            ({"loras": "xl only", "model": "starter"}, "loras"),
        ],
    )
    def test_refused_by_name(self, ask: Parse, given: dict[str, Any], field: str) -> None:
        with pytest.raises(HubError) as refused:
            ask(given)
        assert refused.value.extra["field"] == field

    def test_one_that_does_not_fit_is_named_with_its_architecture(self, ask: Parse) -> None:
        assert ask(SDXL, loras="xl only").loras
        with pytest.raises(BadInput, match=r"made for Stable Diffusion XL .*Base and does not fit"):
            ask(loras="xl only")

    def test_a_role_s_lists_hide_them(self, context: Context) -> None:
        hidden = person("*", model_blacklist=("people/",))
        with pytest.raises(BadInput, match="are you sure"):
            parse({"images": 1, "loras": "ann"}, hidden, context)
        request = parse({"images": 1, "prompt": "<lora:ann>"}, hidden, context)
        assert not request.loras and "are you sure" in request.warnings[0]


class TestPromptTags:
    def test_a_lora_leaves_the_prompt_and_joins_the_list(self, ask: Parse) -> None:
        request = ask(loras="ann", prompt="a cat <lora:style:0.7> asleep <LoRA:gentle>")
        assert request.prompt == "a cat  asleep "
        assert laid(request) == [
            ("people/ann.safetensors", 1, 1),
            ("style.safetensors", 0.7, 0.7),
            ("gentle.safetensors", 0.4, 0.4),
        ]
        assert request.extra["prompted_loras"] == ["style", "gentle"]
        assert request.extra["original_prompt"] == "a cat <lora:style:0.7> asleep <LoRA:gentle>"
        assert request.asked_by == {"loras": "LoRAs"}

    def test_two_weights(self, ask: Parse) -> None:
        assert laid(ask(prompt="<lora:style:0.7:0.2>")) == [("style.safetensors", 0.7, 0.2)]

    def test_an_embedding_stays_under_its_full_name(self, ask: Parse) -> None:
        request = ask(prompt="hands", negativeprompt="ugly, <embedding:bad hands>")
        assert request.negative_prompt == "ugly, <embed:bad hands.safetensors>"
        assert [ref.name for ref in request.embeddings] == ["bad hands.safetensors"]
        assert request.extra["used_embeddings"] == ["bad hands"]
        assert request.asked_by == {"embeddings": "Prompt"}

    @pytest.mark.parametrize(
        "prompt",
        [
            "<lora:style>" * 33,
            "<lora:xl only>",
            "<embed:xl words>",
        ],
    )
    def test_refused_by_name(self, ask: Parse, prompt: str) -> None:
        with pytest.raises(BadInput) as refused:
            ask(prompt=prompt)
        assert refused.value.extra["field"] in ("prompt", "loras")

    @pytest.mark.parametrize(
        "tag",
        [
            "<lora:nobody>",
            "<lora:style:heavy>",
            "<lora:style:11>",
            "<lora:style:1:2:3>",
            "<embed:nobody>",
            "<lora:old.pt>",
            "<lora:>",
        ],
    )
    def test_left_out_with_a_warning(self, ask: Parse, tag: str) -> None:
        request = ask(prompt=f"a {tag}cat")
        assert request.prompt == "a cat" and not request.loras and not request.embeddings
        (warning,) = request.warnings
        assert warning.startswith(f"{tag} was left out of Prompt: ")
        assert request.extra["prompt_warnings"] == [warning]
        assert request.extra["original_prompt"] == f"a {tag}cat"
        assert not ask(dict(request.given)).warnings, "sent again there is nothing to leave out"

    def test_the_text_it_stands_in_is_told(self, ask: Parse) -> None:
        assert "left out of Negative Prompt" in ask(negativeprompt="<embed:nobody>").warnings[0]

    def test_what_any_picture_left_out_is_told_once(self, ask: Parse) -> None:
        request = ask(prompt="<random:a,<lora:gone>,<lora:gone>,<embed:gone>>", images=20, presets=["none"])
        assert len(request.warnings) == 3
        assert request.warnings[0] == "The preset 'none' was left out: you have none of that name."

    def test_what_a_client_calls_so_is_no_warning(self, ask: Parse) -> None:
        assert ask(extra_metadata={"prompt_warnings": "mine"}).warnings == ()


class TestAutoencoder:
    def test_taken_with_its_file(self, ask: Parse) -> None:
        request = ask(vae="soft")
        assert request.vae is not None and request.vae.name == "soft.safetensors"
        assert request.given["vae"] == "soft" and request.asked_by == {"vae": "VAE"}

    @pytest.mark.parametrize("none", ["None", "none", "(None)", "", None])
    def test_none_is_the_model_s_own(self, ask: Parse, none: Any) -> None:
        request = ask(vae=none)
        assert request.vae is None and request.asked_by == {}

    def test_refused_by_name(self, ask: Parse) -> None:
        with pytest.raises(BadInput, match="Invalid model value for param VAE"):
            ask(vae="nobody")
        with pytest.raises(BadInput, match="does not fit the model"):
            ask(SDXL, vae="flux")

    def test_needs_the_flag_for_models(self, context: Context) -> None:
        with pytest.raises(HubError, match="You do not have permission to use parameter VAE"):
            parse({"images": 1, "vae": "soft"}, person("basic_image_generation"), context)


class TestSaidAgain:
    def test_what_the_metadata_says_asks_for_the_same(self, ask: Parse) -> None:
        first = ask(
            prompt="a cat <lora:style:0.7:0.1> and <embed:bad hands>",
            loras=["ann", "gentle"],
            loraweights=["1.25"],
            vae="soft",
            seed=7,
        )
        again = ask(dict(first.given))
        assert (again.loras, again.embeddings, again.vae) == (first.loras, first.embeddings, first.vae)
        assert (again.prompt, again.given) == (first.prompt, first.given)

    def test_every_model_is_named_with_its_parameter(self, ask: Parse) -> None:
        request = ask(prompt="<embed:bad hands>", loras="style", vae="soft")
        assert [(one.name, one.param) for one in request.other_models] == [
            ("soft.safetensors", "vae"),
            ("style.safetensors", "loras"),
            ("bad hands.safetensors", "prompt"),
        ]


class TestConfinement:
    def sections(self, request: GenRequest) -> list[tuple[str, str]]:
        return [(lora.model.name.partition(".")[0], lora.only) for lora in request.loras]

    def test_a_lora_of_a_prompt_acts_in_its_section(self, ask: Parse) -> None:
        request = ask(prompt="<lora:style>a<base><lora:people/ann:0.5> b<refiner><lora:style:2> c")
        assert self.sections(request) == [("style", ""), ("people/ann", "base"), ("style", "refiner")]
        assert request.asked_by["lora_confinement"] == "LoRA Section Confinement"
        assert request.given["lorasectionconfinement"] == ["0", "5", "1"]

    def test_the_list_says_the_same(self, ask: Parse) -> None:
        request = ask(loras="style,ann", lorasectionconfinement="5,1")
        assert self.sections(request) == [("style", "base"), ("people/ann", "refiner")]
        again = ask(**{key: request.given[key] for key in ("loras", "lorasectionconfinement")})
        assert again.loras == request.loras
        assert self.sections(ask(loras="style,ann", lorasectionconfinement="-1")) == [
            ("style", ""),
            ("people/ann", ""),
        ]

    def test_without_any_nothing_more_is_asked_or_told(self, ask: Parse) -> None:
        request = ask(loras="style", lorasectionconfinement="0")
        assert request.asked_by == {"loras": "LoRAs"}
        assert "lorasectionconfinement" not in request.given

    @pytest.mark.parametrize("sections", ["2", "0.5", "1,1,1", "first"])
    def test_sections_unknown_here_are_refused(self, ask: Parse, sections: str) -> None:
        with pytest.raises(BadInput) as refused:
            ask(loras="style,ann", lorasectionconfinement=sections)
        assert refused.value.extra["field"] == "lorasectionconfinement"
