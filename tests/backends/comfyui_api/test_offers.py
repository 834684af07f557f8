"""What a server has, in the hub's words."""

from backends.comfyui_api.offers import described, offers
from backends.comfyui_api.server_info import parse
from backends.contract import RemoteModel


def told(**lists: list[str]) -> dict[str, object]:
    inputs = {
        "CheckpointLoaderSimple": "ckpt_name",
        "UNETLoader": "unet_name",
        "VAELoader": "vae_name",
        "LoraLoader": "lora_name",
    }
    return {node: {"input": {"required": {inputs[node]: [names]}}} for node, names in lists.items()}


def test_names_are_with_slashes_and_words_of_loaders_are_left_out() -> None:
    info = parse(
        told(CheckpointLoaderSimple=["sub\\a.safetensors"], VAELoader=["taesd", "pixel_space", "b.pt"])
    )
    assert offers(info) == (
        RemoteModel("sub/a.safetensors", "Stable-Diffusion"),
        RemoteModel("b.pt", "VAE"),
    )


def test_a_name_in_two_folders_of_one_kind_is_one_model() -> None:
    info = parse(
        told(CheckpointLoaderSimple=["a.safetensors"], UNETLoader=["a.safetensors", "b.safetensors"])
    )
    assert [one.name for one in offers(info)] == ["a.safetensors", "b.safetensors"]


def test_embeddings_come_with_their_extension_where_the_server_tells_it() -> None:
    info = parse({}, ["face"])
    assert [one.name for one in offers(info)] == ["face"]
    assert [one.name for one in offers(info, ["face.pt"])] == ["face.pt"]


def test_what_files_say_of_themselves_is_taken_as_far_as_it_makes_sense() -> None:
    info = parse(told(LoraLoader=["x.safetensors", "y.ckpt"]))
    assert described(info) == (("loras", "x.safetensors"),)
    words = {
        "modelspec.architecture": " Stable-Diffusion-V1/LoRA ",
        "modelspec.title": "A style",
        "modelspec.trigger_phrase": "in style",
        "modelspec.resolution": "512x768",
    }
    model = offers(info, told={("loras", "x.safetensors"): words})[0]
    assert (model.class_id, model.title, model.trigger_phrase) == (
        "stable-diffusion-v1/lora",
        "A style",
        "in style",
    )
    assert (model.width, model.height) == (512, 768)
    for strange in ("", "x", "-1x5", "9999999x1", "٣x٣"):
        odd = offers(info, told={("loras", "x.safetensors"): {"modelspec.resolution": strange}})[0]
        assert odd.width == 0


def test_a_server_with_nothing_offers_nothing() -> None:
    assert offers(parse({})) == ()
