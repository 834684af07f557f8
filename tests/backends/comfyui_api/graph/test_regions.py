"""Parts of the picture with prompts of their own, in graphs: regions, objects, segments, what is cleared."""

import msgspec
import pytest

from backends.comfyui_api.graph import Unbuildable
from backends.contract import Lora, ModelRef, Region, SecondPass
from tests.backends.comfyui_api.graph.conftest import Told, nodes, source, work, worn_by

WIDE, FINE = "style-a.safetensors", "sub/nested.safetensors"


def test_each_prompt_counts_under_its_mask(core: Told) -> None:
    regions = (Region("region", "dog", 0, 0.5, 0.5, 0.5, 0.8), Region("background", "wood"))
    graph = core.build(work(regions=regions, extra={"globalregionfactor": 0.3}))
    assert [node["strength"] for node in nodes(graph, "ConditioningSetMask")] == [0.7, 0.7, 0.3]
    placed = nodes(graph, "MaskComposite")[0]
    assert (placed["x"], placed["y"]) == (0, 32)
    assert [node["text"] for node in nodes(graph, "CLIPTextEncode")] == ["a cat", "wood", "dog", ""]
    assert source(graph, nodes(graph, "KSampler")[0]["positive"]) == "ConditioningCombine"
    assert source(graph, nodes(graph, "KSampler")[0]["negative"]) == "CLIPTextEncode"


def test_objects_are_drawn_once_more(core: Told) -> None:
    regions = (
        Region("object", "dog", 0.5, 0.5, 0.25, 0.25, 1, 0.4),
        Region("object", "cat", negative=True, x=0.5, y=0.5, width=0.25, height=0.25),
    )
    extra = {"regionalobjectcleanupfactor": 0.1}
    graph = core.build(work(regions=regions, extra=extra, width=512, height=512))
    assert [one.steps for one in graph.passes] == [20, 8, 2]
    (crop,) = nodes(graph, "ImageCrop")
    assert (crop["x"], crop["width"]) == (240, 160)
    again = nodes(graph, "KSamplerAdvanced")[0]
    assert graph.nodes[again["positive"][0]]["inputs"]["text"] == "dog"
    assert graph.nodes[again["negative"][0]]["inputs"]["text"] == "cat"


def test_segments_are_found_and_drawn_anew(full: Told) -> None:
    regions = (
        Region("segment", "its nose", strength=0.3, creativity=0.5, what="face | yolo-face_yolov8m.pt-2"),
        Region("segment", "blurry", what="face | yolo-face_yolov8m.pt-2", negative=True),
    )
    graph = full.build(work(regions=regions, extra={"segmentsteps": 10, "segmentthresholdmax": 0.8}))
    assert nodes(graph, "SwarmClipSeg")[0]["match_text"] == "face"
    yolo = nodes(graph, "SwarmYoloDetection")[0]
    assert (yolo["model_name"], yolo["index"]) == ("face_yolov8m.pt", 2)
    assert [one.steps for one in graph.passes] == [20, 5]
    assert source(graph, nodes(graph, "ImageCompositeMasked")[0]["x"]) == "SwarmMaskBounds"


def test_loras_of_a_part_act_where_that_is_drawn_anew(full: Told) -> None:
    own, face = Lora(ModelRef(WIDE, "")), Lora(ModelRef(FINE, ""))
    regions = (
        Region("object", "dog", 0.5, 0.5, 0.25, 0.25, 1, 0.4, loras=(face,)),
        Region("segment", "a nose", what="face", creativity=0.5, loras=(face, own)),
        Region("segment", "an ear", what="ear", creativity=0.5),
    )
    graph = full.build(work(loras=(own,), regions=regions))
    (first,) = nodes(graph, "KSampler")
    assert worn_by(graph, first["model"]) == [WIDE]
    again = {
        graph.nodes[node["positive"][0]]["inputs"]["text"]: worn_by(graph, node["model"])
        for node in nodes(graph, "KSamplerAdvanced")
    }
    assert again == {"dog": [WIDE, FINE], "a nose": [WIDE, FINE, WIDE], "an ear": [WIDE]}
    texts = {node["text"]: worn_by(graph, node["clip"]) for node in nodes(graph, "CLIPTextEncode")}
    assert (texts["a nose"], texts["an ear"]) == (again["a nose"], again["an ear"])


def test_loras_of_a_part_that_another_model_draws_are_refused(full: Told) -> None:
    regions = (Region("segment", "a nose", what="face", loras=(Lora(ModelRef(FINE, "")),)),)
    second = SecondPass(0.5, model=ModelRef("xl/sd_xl_base.safetensors", "", "stable-diffusion-xl-v1-base"))
    asked = work(regions=regions, second=second)
    with pytest.raises(Unbuildable, match="Segment Apply After"):
        full.build(asked)
    full.build(msgspec.structs.replace(asked, extra={"segmentapplyafter": "Base"}))


def test_other_nodes_find_words_too(full: Told) -> None:
    told = full.without("SwarmClipSeg", "SwarmMaskBounds", "SwarmMaskBlur")
    graph = told.build(work(regions=(Region("segment", "", strength=-0.3, what="face"),)))
    assert nodes(graph, "CLIPSeg")[0]["text"] == "face"
    assert nodes(graph, "InvertMask")


def test_segments_before_the_second_pass(full: Told) -> None:
    regions = (Region("segment", "nose", what="face"),)
    graph = full.build(work(regions=regions, second=SecondPass(0.5), extra={"segmentapplyafter": "Base"}))
    assert [one.steps for one in graph.passes] == [20, 20, 10]


def test_what_cannot_be_found_is_refused(core: Told, full: Told) -> None:
    with pytest.raises(Unbuildable, match=r"Prompt.*lacks the node SwarmClipSeg or CLIPSeg"):
        core.build(work(regions=(Region("segment", "x", what="face"),)))
    with pytest.raises(Unbuildable, match="no detector 'nobody'"):
        full.build(work(regions=(Region("segment", "x", what="yolo-nobody"),)))


def test_made_transparent(full: Told) -> None:
    regions = (Region("clear", "", strength=0.5, what="sky"), Region("clear", "", what="sea"))
    graph = full.build(work(regions=regions))
    assert source(graph, nodes(graph, "SaveImageWebsocket")[0]["images"]) == "JoinImageWithAlpha"
