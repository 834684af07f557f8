"""Parts of the picture in prompts: what reaches the engine, and what is refused."""

import pytest

from backends.contract import Lora, ModelRef, Region
from hub.params.tags.areas import area
from hub.params.tags.stages import split, written


def test_texts_go_to_the_part_they_stand_behind() -> None:
    found = split("both\0region:0,0.5,1,0.5,0.3\0a dog\0object:0,0,.5,.5,1,0.4\0a cat\0region:end\0 more")
    assert found.base == "both more"
    assert found.refiner is None
    assert found.regions == (
        Region("region", "a dog", 0, 0.5, 1, 0.5, 0.3),
        Region("object", "a cat", 0, 0, 0.5, 0.5, 1, 0.4),
    )


def test_stages_and_regions_stand_side_by_side() -> None:
    found = split("both\0region:0,0,1,0.5\0sky\0refiner\0fine\0base\0rough")
    assert (found.base, found.refiner) == ("both rough", "both fine")
    assert [region.prompt for region in found.regions] == ["sky"]


def test_the_background_is_a_region_once() -> None:
    found = split("x\0region:background\0fog\0region:0,0,1,0.5\0sea\0region:background\0rain")
    assert [(region.kind, region.prompt) for region in found.regions] == [
        ("region", "sea"),
        ("background", "fog rain"),
    ]


def test_a_region_never_reaches_beyond_the_picture() -> None:
    found = area("region", "0.75,-3,2,9,5", "x", negative=False)
    assert (found.x, found.y, found.width, found.height, found.strength) == (0.75, 0, 0.25, 1, 1)


@pytest.mark.parametrize(
    ("body", "what", "creativity", "threshold"),
    [
        ("face", "face", 0.6, 0.5),
        ("face,0.8", "face", 0.6, 0.8),
        ("face,0.8,0.3", "face", 0.8, 0.3),
        ("face | hair, 0.8, -0.3", "face | hair", 0.8, -0.3),
        ("yolo-face.pt-1", "yolo-face.pt-1", 0.6, 0.25),
        ("yolo-x.pt:0,apple,2:,0.8,0.25", "yolo-x.pt:0,apple,2:", 0.8, 0.25),
        ("0.5,0.6", "0.5", 0.6, 0.6),
    ],
)
def test_segments_have_their_numbers_last(body: str, what: str, creativity: float, threshold: float) -> None:
    found = area("segment", body, "p", negative=True)
    assert (found.what, found.creativity, found.strength) == (what, creativity, threshold)
    assert found.negative


def test_a_lora_belongs_to_the_part_it_stands_in() -> None:
    refer = {"a:b": ModelRef("a:b", "/x"), "c": ModelRef("c", "/y")}.__getitem__
    text = "all\0segment:face\0 a\0lora:a:b:0.5:1\0 smile \0lora:c:1:1\0\0object:0,0,1,1\0a cat"
    face, cat = split(text, refer=refer).regions
    assert (face.prompt, cat.prompt, cat.loras) == ("a smile", "a cat", ())
    assert face.loras == (Lora(refer("a:b"), 0.5, 1.0), Lora(refer("c")))
    assert split(text, refer=refer).base == "all"


def test_marks_are_written_as_people_write_them() -> None:
    text = "a\0region:0,0,1,0.5\0b\0refiner\0c\0segment:face,0.5\0d\0lora:x:1:0.5\0"
    assert written(text) == "a<region:0,0,1,0.5>b<refiner>c<segment:face,0.5>d<lora:x:1:0.5>"
