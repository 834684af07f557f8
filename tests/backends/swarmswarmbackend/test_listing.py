"""What another hub says it has."""

from typing import Any

from backends.contract import RemoteModel
from backends.swarmswarmbackend import listing

LOCAL = {
    "type": "comfyui_selfstart",
    "status": "running",
    "id": 0,
    "settings": {},
    "features": ["comfyui", "yolov8"],
    "enabled": True,
    "title": "Card one",
    "max_usages": 2,
    "can_load_models": True,
    "current_model": "a.safetensors",
}


def answer(**engines: dict[str, Any]) -> dict[str, Any]:
    return {
        number.strip("_"): {**LOCAL, "id": int(number.strip("_")), **said} for number, said in engines.items()
    }


def test_only_engines_that_may_serve_count() -> None:
    said = answer(
        _0={},
        _1={"status": "errored"},
        _2={"enabled": False},
        _3={"status": "loading"},
        _4={"status": "idle"},
        _5={"status": "waiting"},
    )
    assert [engine.id for engine in listing.engines_of(said, forwarding=True)] == ["0", "3", "5"]


def test_hubs_behind_it_only_with_forwarding() -> None:
    said = answer(_0={}, _1={"type": "swarmswarmbackend"})
    assert len(listing.engines_of(said, forwarding=True)) == 2
    assert [engine.id for engine in listing.engines_of(said, forwarding=False)] == ["0"]


def test_what_is_missing_or_odd_is_not_known() -> None:
    engines = listing.engines_of({"7": {"status": "running"}, "success": True, "8": None}, forwarding=True)
    assert engines == (listing.Engine("7", status="running"),)


def test_features_of_a_swarmui_are_named_in_our_words() -> None:
    found = listing.features_of(listing.engines_of(answer(_0={}), forwarding=True))
    assert {"comfyui", "yolov8", "loras", "inpainting", "controlnet"} <= set(found)
    assert listing.known_features(["seamless"]) == ("seamless",)


def test_what_is_in_memory_by_our_names() -> None:
    said = answer(
        _0={"current_model": "x\\a.safetensors"}, _1={"current_model": "b"}, _2={"current_model": None}
    )
    engines = listing.engines_of(said, forwarding=True)
    assert listing.held_by(engines, {"x/a.safetensors": "x\\a.safetensors"}) == ("x/a.safetensors", "b")


def test_models_with_what_is_told_of_them() -> None:
    file = {
        "name": "sub/a.safetensors",
        "title": "A",
        "author": None,
        "description": "nice",
        "architecture": "stable-diffusion-xl-v1-base",
        "trigger_phrase": "aaa",
        "license": "MIT",
        "standard_width": 1024,
        "standard_height": -3,
    }
    files = [file, {"name": "broken.ckpt", "is_supported_model_format": False}, {"name": ""}, "odd"]
    assert listing.models_of({"files": files}, "LoRA") == (
        RemoteModel(
            "sub/a.safetensors",
            "LoRA",
            "A",
            "",
            "nice",
            "stable-diffusion-xl-v1-base",
            "aaa",
            "MIT",
            1024,
            0,
        ),
    )
    assert listing.models_of({}, "VAE") == ()


def test_names_have_slashes_here() -> None:
    models, spelled = listing.as_ours([RemoteModel("a\\b.pth", "upscale_models"), RemoteModel("c/d", "VAE")])
    assert [model.name for model in models] == ["a/b.pth", "c/d"] and spelled == {"a/b.pth": "a\\b.pth"}


def test_choices_of_its_dropdowns() -> None:
    params = [
        {"id": "sampler", "values": ["euler", "ddim"]},
        {"id": "scheduler", "values": ["normal"]},
        {"id": "refinerupscalemethod", "values": ["pixel-lanczos", "latent-bilinear", "model-x4.pth"]},
        {"id": "seed", "values": None},
    ]
    choices = listing.choices_of({"list": params})
    assert choices == listing.Choices(("euler", "ddim"), ("normal",), ("x4.pth",))
    assert listing.upscaler_models(choices) == (RemoteModel("x4.pth", "upscale_models"),)
    assert listing.choices_of({"list": 3}) == listing.Choices()


def test_a_free_engine_that_holds_the_model_is_picked() -> None:
    engines = listing.engines_of(
        answer(_0={"current_model": ""}, _1={}, _2={"max_usages": 1}), forwarding=True
    )
    assert listing.pick(engines, {}, "a.safetensors") == "1"
    assert listing.pick(engines, {"1": 2}, "a.safetensors") == "2"
    assert listing.pick(engines, {"1": 2, "2": 1}, "a.safetensors") == "0"
    assert listing.pick(engines, {"0": 2, "1": 3, "2": 1}, "a.safetensors") == "2"
    assert listing.pick([], {}, "a") is None


def test_what_hubs_of_our_kind_tell_of_a_models_wishes() -> None:
    told = {
        "name": "a",
        "hash": "0xab",
        "lora_default_weight": "0.7",
        "native_sizes": [[64, 128]],
        "defaults": {"steps": 12, "cfgscale": 3, "sampler": "euler", "scheduler": None, "width": 64},
    }
    odd = {"name": "b", "native_sizes": [[1, 2, 3]], "defaults": {"steps": 10**9}}
    first, second = listing.models_of({"files": [told, odd]}, "LoRA")
    assert (first.hash, first.lora_weight, first.native_sizes) == ("0xab", "0.7", ((64, 128),))
    assert first.wishes == {"steps": 12, "cfgscale": 3, "sampler": "euler"}
    assert (second.native_sizes, second.wishes) == ((), {})
