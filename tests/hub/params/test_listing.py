"""The answer of ListT2IParams: shape, completeness, and what a caller may see."""

import msgspec

from hub.params import Context, listing
from tests.hub.params.conftest import person

PARAM_FIELDS = (
    "name id description type subtype default min max view_min view_max step values value_names examples "
    "visible advanced feature_flag toggleable priority group always_retain do_not_save do_not_preview "
    "view_type extra_hidden can_sectionalize nonreusable depend_non_default"
).split()
GROUP_FIELDS = [
    "name",
    "id",
    "toggles",
    "open",
    "priority",
    "description",
    "advanced",
    "can_shrink",
    "parent",
]


def test_the_documented_shape(context: Context) -> None:
    answer = msgspec.json.decode(msgspec.json.encode(listing(context.registry, context.catalog, person())))
    assert list(answer) == [
        "list",
        "groups",
        "models",
        "model_compat_classes",
        "model_classes",
        "wildcards",
        "param_edits",
    ]
    assert len(PARAM_FIELDS) == 28
    for param in answer["list"]:
        assert list(param) == PARAM_FIELDS
        for number in ("min", "max", "view_min", "view_max", "step", "priority"):
            assert isinstance(param[number], int | float)
        assert param["default"] is None or isinstance(param["default"], str)
        assert (param["values"] is None) == (param["value_names"] is None)
        assert len(param["values"] or ()) == len(param["value_names"] or ())
    assert all(list(group) == GROUP_FIELDS for group in answer["groups"])
    assert answer["param_edits"] is None


def test_groups_by_priority_and_only_used_ones(context: Context) -> None:
    groups = listing(context.registry, context.catalog, person())["groups"]
    priorities = [group["priority"] for group in groups]
    assert priorities == sorted(priorities)
    assert {group["id"] for group in groups} == set(context.registry.groups)


def test_models_as_pairs_by_subtype(context: Context) -> None:
    answer = listing(context.registry, context.catalog, person(), param_edits={"a": 1})
    assert answer["models"]["Stable-Diffusion"] == [
        ["old.ckpt", None],
        ["sdxl/base.safetensors", "stable-diffusion-xl-v1-base"],
        ["starter", "starter"],
    ]
    assert ["style.safetensors", None] in answer["models"]["LoRA"]
    assert answer["models"]["Clip"] == [] and "upscale_models" not in answer["models"]
    assert list(answer["models"]) == [
        "Stable-Diffusion",
        "VAE",
        "LoRA",
        "Embedding",
        "ControlNet",
        "Clip",
        "ClipVision",
    ]
    assert answer["param_edits"] == {"a": 1}
    assert answer["model_classes"]["stable-diffusion-v1"] == {
        "id": "stable-diffusion-v1",
        "name": "Stable Diffusion v1",
        "compat_class": "stable-diffusion-v1",
        "standard_width": 512,
        "standard_height": 512,
    }
    assert set(answer["model_compat_classes"]["flux-1"]) == {
        "id",
        "short_code",
        "loras_target_text_enc",
        "is_text2video",
        "is_image2video",
        "is_audio_model",
        "has_joint_av_latents",
        "resolution_precision",
        "vae_family",
    }


def test_what_a_caller_may_not_set_is_not_listed(context: Context) -> None:
    answer = listing(context.registry, context.catalog, person("model_params", model_whitelist=("starter",)))
    listed = {param["id"] for param in answer["list"]}
    assert "model" in listed
    assert listed.isdisjoint({"exactbackendid", "internalbackendtype"})
    assert answer["models"]["Stable-Diffusion"] == [["starter", "starter"]]


def test_documented_defaults_stay_whatever_a_model_wants(context: Context) -> None:
    defaults = {p["id"]: p["default"] for p in listing(context.registry, context.catalog, person())["list"]}
    assert (defaults["steps"], defaults["width"], defaults["cfgscale"]) == ("20", "512", "7")


def test_upscaling_models_are_among_the_ways_to_enlarge(context: Context) -> None:
    listed = {param["id"]: param for param in listing(context.registry, context.catalog, person())["list"]}
    methods = listed["refinerupscalemethod"]
    assert methods["values"][0] == methods["default"] == "pixel-lanczos"
    assert "model-4x sharp.safetensors" in methods["values"]
    assert len(methods["values"]) == len(methods["value_names"])
    hidden = person("*", model_blacklist=("4x",))
    listed = {param["id"]: param for param in listing(context.registry, context.catalog, hidden)["list"]}
    assert "model-4x sharp.safetensors" not in listed["refinerupscalemethod"]["values"]
