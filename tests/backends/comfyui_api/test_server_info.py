"""What a ComfyUI server says of itself, read in every spelling that servers were seen to use."""

from backends.comfyui_api.server_info import NodeInput, normalised, parse

ANSWER = {
    "OldChoice": {
        "input": {"required": {"ckpt_name": [["a.safetensors", "sub\\b.safetensors"], {"tooltip": "x"}]}}
    },
    "NewChoice": {
        "input": {
            "required": {"model_name": ["COMBO", {"multiselect": False, "options": ["4x.pth"]}]},
            "optional": {"image": ["COMBO", {"image_upload": True}]},
            "hidden": {"prompt": "PROMPT", "unique_id": ["UNIQUE_ID"]},
        },
        "output": ["IMAGE", ["a", "b"]],
        "output_node": True,
    },
    "Numbers": {
        "input": {
            "required": {
                "seed": ["INT", {"default": 0, "min": 0, "max": 2**64 - 1}],
                "cfg": ["FLOAT", {"default": 8.0, "min": 0.0, "max": 100.0, "step": 0.1}],
                "model": ["MODEL"],
                "scale": [[1, 2.5, True], {}],
            }
        }
    },
    "Strange": {
        "input": {
            "required": {
                "grown": ["COMFY_AUTOGROW_V3", {"template": {"names": ["a"]}}],
                "empty": [],
                "text": "STRING",
                "none": None,
                "odd": [{"a": 1}],
                "options_as_text": ["INT", "nothing"],
            },
            "optional": None,
        },
        "output": None,
    },
    "Broken": "not an object",
    "NoInput": {},
}


def test_both_spellings_of_a_choice_are_read() -> None:
    info = parse(ANSWER)
    assert info.choices("OldChoice", "ckpt_name") == ("a.safetensors", "sub\\b.safetensors")
    assert info.choices("NewChoice", "model_name") == ("4x.pth",)
    assert info.classes["NewChoice"].inputs["image"] == NodeInput(kind="COMBO", choices=None, required=False)
    assert info.choices("NewChoice", "image") == ()


def test_hidden_inputs_and_unknown_shapes_hide_nothing_else() -> None:
    info = parse(ANSWER)
    assert set(info.classes["NewChoice"].inputs) == {"model_name", "image"}
    assert set(info.classes["Strange"].inputs) == {"grown", "options_as_text"}
    assert not info.has("Broken")
    assert info.has("NoInput", "Strange", "Numbers")
    assert parse(["no", "object"]).classes == {}


def test_numbers_keep_their_bounds_beyond_signed_64_bits() -> None:
    info = parse(ANSWER)
    seed = info.classes["Numbers"].inputs["seed"]
    assert (seed.min, seed.max, seed.default) == (0, 2**64 - 1, 0)
    assert info.choices("Numbers", "scale") == ("1", "2.5", "True")


def test_outputs_keep_their_place_even_where_one_is_a_choice() -> None:
    node = parse(ANSWER).classes["NewChoice"]
    assert node.outputs == ("IMAGE", "COMBO")
    assert node.output_node


def test_names_are_found_in_the_servers_own_spelling() -> None:
    info = parse(ANSWER, ["face", "sub\\hands"])
    assert normalised("sub\\b.safetensors") == "sub/b.safetensors"
    assert info.spelling("OldChoice", "ckpt_name", "sub/b.safetensors") == "sub\\b.safetensors"
    assert info.spelling("OldChoice", "ckpt_name", "A.safetensors") == "a.safetensors"
    assert info.spelling("OldChoice", "ckpt_name", "b.safetensors") is None
    assert info.embedding("face.safetensors") == "face"
    assert info.embedding("sub/hands") == "sub\\hands"
    assert info.embedding("v1.5") is None
