"""From loose keys and values to the checked request."""

from typing import Any

import msgspec
import pytest

from hub.errors import BadInput, HubError
from hub.params import Context, Wishes, is_heavy, parse
from hub.params.request import Keeping
from tests.hub.params.conftest import SEED, Parse, person


class TestBareRequest:
    def test_the_models_own_wishes_fill_it(self, ask: Parse) -> None:
        request = ask(prompt="a red circle")
        assert request.prompt == "a red circle"
        assert request.model.name == "starter"
        assert (request.width, request.height) == (256, 256)
        assert (request.steps, request.cfg_scale) == (16, 3.0)
        assert (request.sampler, request.scheduler) == ("ddim", "sgm_uniform")
        assert request.defaults_used == ("steps", "cfgscale", "sampler", "scheduler", "width", "height")

    def test_a_model_without_wishes_gets_the_documented_ones(self, ask: Parse) -> None:
        request = ask(model="base")
        assert (request.width, request.height) == (1024, 1024)
        assert (request.steps, request.cfg_scale) == (20, 7.0)
        assert (request.sampler, request.scheduler) == ("euler", "normal")

    def test_the_rest(self, ask: Parse) -> None:
        request = ask()
        assert (request.images, request.batch_size, request.seed) == (1, 1, SEED)
        assert request.save
        assert request.previews
        assert request.seed_increment
        assert request.variation_seed is None
        assert request.init_image is None
        assert (request.engine_type, request.engine_id, request.features) == (None, None, ())
        assert (request.format, request.quality) == ("PNG", 100)

    def test_images_is_required(self, context: Context) -> None:
        with pytest.raises(BadInput) as refused:
            parse({"prompt": "x"}, person(), context)
        assert refused.value.body() == {
            "error": "Missing required parameter 'images'",
            "field": "images",
            "limit": 10000,
        }


class TestKeys:
    @pytest.mark.parametrize("key", ["cfgscale", "cfg_scale", "CFG Scale", "cfgScale", "C.F.G-scale 2"])
    def test_letters_only_and_in_any_case(self, ask: Parse, key: str) -> None:
        assert ask({key: 4}).cfg_scale == 4.0

    def test_unknown_keys_are_left_out(self, ask: Parse, caplog: pytest.LogCaptureFixture) -> None:
        assert "style_preset" not in ask(style_preset="photo").given
        assert "style_preset" in caplog.text

    @pytest.mark.parametrize("key", ["session_id", "presets", "extra_metadata"])
    def test_keys_that_are_no_parameters(
        self, ask: Parse, key: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        ask({key: None})
        assert caplog.text == ""

    def test_what_shapes_something_that_is_not_there_is_named(self, ask: Parse) -> None:
        request = ask(
            teacachestart=0.5, MaskBlur=7, controlnetstrength=0.5, refinercontrolpercentage=0, steps=3
        )
        unused = ["maskblur", "refinercontrolpercentage", "controlnetstrength", "teacachestart"]
        assert request.extra["unused_parameters"] == unused
        assert "unused_parameters" not in ask(steps=3, personalnote="x", noseedincrement=True).extra

    def test_what_no_engine_can_do_is_asked_of_engines_by_name(self, ask: Parse) -> None:
        request = ask(freeuversion=2, textvideofps=24, removebackground="true", promptimages="data:x")
        assert request.asked_by == {
            "free_u": "[FreeU] Version",
            "image_to_video": "Video FPS",
            "background_removal": "Remove Background",
            "image_prompts": "Prompt Images",
        }

    def test_what_asks_for_nothing_is_no_reason_to_refuse(self, ask: Parse) -> None:
        usual = {"removebackground": False, "torchcompile": "Disabled", "smartimagepromptresizing": True}
        placeholders = {"placeholderparamgroupstarred": True, "automaticvae": True}
        shaping_what_is_not_there = {"videoswappercent": 0.5, "vaetemporaltilesize": 64, "promptimages": " "}
        request = ask(**usual, **placeholders, **shaping_what_is_not_there, modelspecificenhancements="false")
        assert request.asked_by == {}


class TestValues:
    @pytest.mark.parametrize("steps", [20, "20", 20.0, "20.0", "+20", " 20 "])
    def test_numbers_in_every_form(self, ask: Parse, steps: Any) -> None:
        assert ask(steps=steps).steps == 20

    def test_no_steps_at_all_is_legal(self, ask: Parse) -> None:
        assert ask(steps=0).steps == 0

    @pytest.mark.parametrize(
        ("given", "text"),
        [
            (501, "must be between 0 and 500"),
            (-1, "must be between 0 and 500"),
            (10**400, "must be between 0 and 500"),
            (1e300, "must be between 0 and 500"),
            (2.5, "must be a valid integer"),
            ("2.5", "must be a valid integer"),
            ("many", "must be a valid integer"),
            ("", "must be a valid integer"),
            (None, "must be a valid integer"),
            (True, "must be a valid integer"),
            ("٢", "must be a valid integer"),
            ("1_0", "must be a valid integer"),
            ("9" * 10_000, "must be a valid integer"),
            (float("nan"), "must be a valid integer"),
            (float("inf"), "must be a valid integer"),
            ([1, 2], "must be a valid integer"),
            ({"a": 1}, "plain value"),
            ([[1]], "plain value"),
        ],
    )
    def test_bad_integers_name_field_and_limit(self, ask: Parse, given: Any, text: str) -> None:
        with pytest.raises(BadInput) as refused:
            ask(steps=given)
        answer = refused.value.body()
        assert text in answer["error"]
        assert answer["error"].startswith("Invalid value for parameter Steps: ")
        assert len(answer["error"]) < 400
        assert answer["field"] == "steps"
        assert answer["limit"] == {"min": 0, "max": 500}

    def test_the_documented_sentence(self, ask: Parse) -> None:
        with pytest.raises(BadInput) as refused:
            ask(steps=501)
        assert refused.value.text == (
            "Invalid value for parameter Steps: Invalid integer value for param Steps - '501' - "
            "must be between 0 and 500"
        )

    @pytest.mark.parametrize("given", [7, 7.0, "7", "7.0", "0.7e1", "7."])
    def test_decimals(self, ask: Parse, given: Any) -> None:
        assert ask(cfgscale=given).cfg_scale == 7.0

    @pytest.mark.parametrize(
        "given", [float("nan"), float("inf"), "NaN", "Infinity", "1e999", "", None, "7,5", 101, -0.1, 10**400]
    )
    def test_bad_decimals(self, ask: Parse, given: Any) -> None:
        with pytest.raises(BadInput) as refused:
            ask(cfgscale=given)
        assert refused.value.extra == {"field": "cfgscale", "limit": {"min": 0, "max": 100}}

    @pytest.mark.parametrize("given", [True, "true", "True", "TRUE"])
    def test_switches(self, ask: Parse, given: Any) -> None:
        assert not ask(donotsave=given, nopreviews=given).save

    @pytest.mark.parametrize("given", [1, 0, "yes", "", None])
    def test_numbers_are_no_switches(self, ask: Parse, given: Any) -> None:
        with pytest.raises(BadInput, match="must be exactly 'true' or 'false'"):
            ask(donotsave=given)

    @pytest.mark.parametrize("given", [False, "false"])
    def test_the_ignore_value_removes(self, ask: Parse, given: Any) -> None:
        request = ask(donotsave=given, negativeprompt="", images="1", variationseedstrength=0.0)
        assert request.save
        assert set(request.given).isdisjoint(
            {"donotsave", "negativeprompt", "images", "variationseedstrength"}
        )

    def test_lists_are_joined(self, ask: Parse) -> None:
        assert ask(prompt=["a", "b", 3, None]).prompt == "a\n|||\nb\n|||\n3\n|||\n"

    def test_null_is_an_empty_text(self, ask: Parse) -> None:
        assert ask(prompt=None).prompt == ""


class TestChoices:
    @pytest.mark.parametrize(
        ("given", "meant"),
        [
            ("16:9", "16:9"),
            ("16 : 9", "16:9"),
            ("custom", "Custom"),
            ("[Custom]", "Custom"),
            ("21", "21:9"),
        ],
    )
    def test_matched_loosely(self, ask: Parse, given: str, meant: str) -> None:
        assert ask(aspectratio=given).given["aspectratio"] == meant

    def test_the_shortest_that_contains_it(self, ask: Parse) -> None:
        assert ask(sampler="EULER").sampler == "euler"
        assert ask(sampler="2m").sampler == "dpmpp_2m"
        assert ask(imageformat="webp").format == "WEBP"

    def test_an_empty_choice_counts_as_left_out(self, ask: Parse) -> None:
        assert ask(sampler="", model=" ", aspectratio="").sampler == "ddim"

    def test_what_no_engine_can_do_is_refused_with_the_list(self, ask: Parse) -> None:
        with pytest.raises(BadInput) as refused:
            ask(sampler="er_sde")
        assert refused.value.extra == {
            "field": "sampler",
            "limit": ["euler", "dpmpp_2m", "ddim", "own_sampler"],
        }
        assert "must be one of: `euler`, `dpmpp_2m`" in refused.value.text

    @pytest.mark.parametrize(
        ("given", "form", "quality"),
        [
            ("JPG90", "JPG", 90),
            ("jpg75", "JPG", 75),
            ("JPEG", "JPG", 80),
            ("PNG", "PNG", 80),
            ("WEBP_LOSSLESS", "WEBP_LOSSLESS", 80),
        ],
    )
    def test_formats_and_their_older_names(
        self, context: Context, given: str, form: str, quality: int
    ) -> None:
        own = msgspec.structs.replace(context, wishes=Wishes(format="WEBP", quality=80, save_metadata=False))
        request = parse({"images": 1, "imageformat": given}, person(), own)
        assert (request.format, request.quality, request.save_metadata) == (form, quality, False)

    def test_a_users_own_wishes(self, context: Context) -> None:
        wishes = Wishes("JPG", 70, save=False, path_format="x", path_max_part=9, keeping=Keeping(dpi=72))
        own = msgspec.structs.replace(context, wishes=wishes)
        request = parse({"images": 1}, person(), own)
        assert (request.format, request.quality, request.save) == ("PNG", 70, False)
        assert request.keeping.dpi == 72
        again = msgspec.structs.replace(own, wishes=msgspec.structs.replace(wishes, reformat_unsaved=True))
        assert parse({"images": 1}, person(), again).format == "JPG"
        assert (request.path_format, request.path_max_part) == ("x", 9)
        assert parse({"images": 1, "overrideoutpathformat": "y"}, person(), own).path_format == "y"

    def test_engines(self, ask: Parse) -> None:
        assert ask(exactbackendid="3").engine_id == 3
        assert ask(exactbackendid=0).engine_id == 0
        assert ask(internalbackendtype="LOCAL").engine_type == "local"
        assert ask(internalbackendtype="Any").engine_type is None
        with pytest.raises(BadInput) as refused:
            ask(exactbackendid=7)
        assert refused.value.extra["limit"] == ["0", "3"]


class TestModels:
    @pytest.mark.parametrize("given", ["sdxl/base.safetensors", "sdxl/base", "BASE", "sdxl\\base"])
    def test_found_loosely(self, ask: Parse, given: str) -> None:
        request = ask(model=given)
        assert request.model.name == "sdxl/base.safetensors"
        assert request.given["model"] == "sdxl/base"
        assert request.model_hash.startswith("0x")

    def test_unknown(self, ask: Parse) -> None:
        with pytest.raises(BadInput) as refused:
            ask(model="no such")
        assert refused.value.text == (
            "Invalid value for parameter Model: Invalid model value for param Model - 'no such' - "
            "are you sure that model name is correct?"
        )
        assert refused.value.extra["field"] == "model"

    def test_hidden_looks_unknown(self, ask: Parse) -> None:
        with pytest.raises(BadInput, match="are you sure"):
            ask(model="sdxl/base", by=person(model_blacklist=("sdxl/",)))

    def test_a_format_that_is_never_loaded(self, ask: Parse) -> None:
        with pytest.raises(BadInput, match=r"converted to \.safetensors"):
            ask(model="old.ckpt")


class TestPermissions:
    @pytest.mark.parametrize(
        ("key", "value", "name", "flag"),
        [
            ("model", "starter", "Model", "model_params"),
            ("exactbackendid", "0", "Exact Backend ID", "param_backend_id"),
            ("internalbackendtype", "local", "[Internal] Backend Type", "param_backend_type"),
        ],
    )
    def test_refused_by_name(self, ask: Parse, key: str, value: str, name: str, flag: str) -> None:
        with pytest.raises(HubError) as refused:
            ask({key: value}, by=person("basic_image_generation"))
        assert refused.value.body() == {
            "error": f"You do not have permission to use parameter {name}.",
            "field": key,
            "permission": flag,
        }

    def test_the_ignore_value_needs_none(self, ask: Parse) -> None:
        assert ask(internalbackendtype="Any", by=person("basic_image_generation")).engine_type is None

    def test_a_guest_without_model_choice_still_draws(self, ask: Parse) -> None:
        assert ask(by=person("basic_image_generation")).model.name == "starter"


class TestLimits:
    def test_prompts(self, ask: Parse) -> None:
        most = 100 * 1024
        assert len(ask(prompt="x" * most).prompt) == most
        for text in ("x" * (most + 1), "é" * (most // 2 + 1), "x" * 10_000_000):
            with pytest.raises(BadInput) as refused:
                ask(prompt=text)
            assert refused.value.extra == {"field": "prompt", "limit": most}
            assert len(refused.value.text) < 300

    def test_no_control_over_the_strings_end(self, ask: Parse) -> None:
        assert ask(prompt="a\0b").prompt == "ab"

    def test_half_characters(self, ask: Parse) -> None:
        with pytest.raises(BadInput, match="not Unicode"):
            ask(prompt="\ud800")

    @pytest.mark.parametrize("images", [0, -1, 10001])
    def test_images(self, ask: Parse, images: int) -> None:
        with pytest.raises(BadInput) as refused:
            ask(images=images)
        assert refused.value.extra == {"field": "images", "limit": {"min": 1, "max": 10000}}

    def test_images_times_batch(self, ask: Parse) -> None:
        assert ask(images=100, batchsize=100).images == 100
        with pytest.raises(BadInput) as refused:
            ask(images=101, batchsize=100)
        assert refused.value.extra == {"field": "batchsize", "limit": 99}

    def test_the_hubs_own_bound(self, context: Context) -> None:
        narrow = msgspec.structs.replace(context, limits=msgspec.structs.replace(context.limits, images=4))
        with pytest.raises(BadInput) as refused:
            parse({"images": 5}, person(), narrow)
        assert refused.value.extra == {"field": "images", "limit": 4}

    def test_pixels(self, ask: Parse) -> None:
        with pytest.raises(BadInput) as refused:
            ask(width=16384, height=16384)
        assert refused.value.extra == {"field": "width", "limit": "64 megapixels"}


class TestSeeds:
    @pytest.mark.parametrize("seed", [0, 1, 2**31, 2**53 + 1, 2**63 - 1])
    def test_exact(self, ask: Parse, seed: int) -> None:
        assert ask(seed=seed).seed == seed
        assert ask(seed=str(seed)).seed == seed
        assert ask(seed=seed).given["seed"] == seed

    @pytest.mark.parametrize("seed", [-1, "-1"])
    def test_random(self, ask: Parse, seed: Any) -> None:
        assert ask(seed=seed).given["seed"] == SEED

    def test_random_ones_have_31_bits(self, context: Context) -> None:
        own = Context(registry=context.registry, catalog=context.catalog)
        seeds = {parse({"images": 1}, person(), own).seed for _ in range(50)}
        assert len(seeds) > 1
        assert all(0 <= seed < 2**31 for seed in seeds)

    def test_too_large(self, ask: Parse) -> None:
        with pytest.raises(BadInput) as refused:
            ask(seed=2**63)
        assert refused.value.extra["limit"] == {"min": -1, "max": 2**63 - 1}

    def test_variation(self, ask: Parse) -> None:
        request = ask(seed=5, variationseed=9, variationseedstrength=0.25)
        assert (request.variation_seed, request.variation_strength) == (9, 0.25)
        assert request.features == ("variation_seed",)
        assert ask(variationseedstrength=0.5).variation_seed == SEED
        assert ask(variationseedstrength=0.5).given["variationseed"] == SEED

    def test_a_variation_of_no_strength_is_none(self, ask: Parse) -> None:
        request = ask(variationseed=9)
        assert request.variation_seed is None
        assert request.features == ()


class TestExtraMetadata:
    def test_kept_as_text(self, ask: Parse) -> None:
        request = ask(extra_metadata={"made_by": "me", "list": ["a", 2], "n": 3, "t": True, "none": None})
        assert request.extra == {"made_by": "me", "list": ["a", "2"], "n": "3", "t": "True", "none": ""}

    @pytest.mark.parametrize("given", ["text", 3, [1], {"a": {"b": 1}}, {"a": [[1]]}, {"a": "x" * 200_000}])
    def test_refused(self, ask: Parse, given: Any) -> None:
        with pytest.raises(BadInput) as refused:
            ask(extra_metadata=given)
        assert refused.value.extra["field"] == "extra_metadata"


class TestGiven:
    def test_in_the_registrys_order_and_nothing_large(self, ask: Parse, context: Context) -> None:
        request = ask(prompt="x", personalnote="mine", width=320, height=192, steps=5, images=2)
        order = list(context.registry.params)
        assert list(request.given) == sorted(request.given, key=order.index)
        assert request.given["personalnote"] == "mine"
        assert request.given["images"] == 2
        assert (request.given["width"], request.given["height"]) == (320, 192)


class TestHeavy:
    @pytest.mark.parametrize("value", ["x" * 300_000, "raw/2026/a.png", "inputs/a.png", "Starred/a.png"])
    def test_large_texts_and_files(self, value: str) -> None:
        assert is_heavy({"initimage": value})

    def test_plain_ones(self) -> None:
        assert not is_heavy({"prompt": "x" * 1000, "images": 3})
