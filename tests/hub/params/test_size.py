"""Which size a request means."""

import pytest

from hub.errors import BadInput
from hub.params.size import ASPECTS, Asked, resolve

OWN = (256, 256)


@pytest.mark.parametrize(
    ("asked", "own", "size"),
    [
        (Asked(), OWN, (256, 256)),
        (Asked(), None, (512, 512)),
        (Asked(width=640), OWN, (640, 256)),
        (Asked(height=640), None, (512, 640)),
        (Asked(width=333, height=77), OWN, (333, 77)),  # exactly what was asked, no rounding
        (Asked(raw="1024x768", width=64, height=64, side=512), OWN, (1024, 768)),
        (Asked(raw=" 100 X 64 "), OWN, (100, 64)),
        (Asked(side=1024), OWN, (1024, 1024)),
        (Asked(side=1024, aspect="16:9"), OWN, (1344, 768)),
        (Asked(side=512, aspect="9:21", width=99, height=99), OWN, (320, 768)),
        (Asked(side=512, aspect="Custom", width=96, height=128), OWN, (96, 128)),
        (Asked(side=64, aspect="21:9"), OWN, (96, 64)),
        (Asked(aspect="16:9"), OWN, (336, 192)),
        (Asked(aspect="1:1"), (384, 256), (320, 320)),
        (Asked(aspect="3:2"), (1216, 832), (1216, 832)),
        (Asked(aspect="Custom"), OWN, (256, 256)),
        (Asked(aspect="16:9", width=128, height=128), OWN, (128, 128)),
        (Asked(width=512, height_multiplier=0.5), OWN, (512, 256)),
        (Asked(width=512, height=999, height_multiplier=1.5), OWN, (512, 768)),
    ],
)
def test_size(asked: Asked, own: tuple[int, int] | None, size: tuple[int, int]) -> None:
    assert resolve(asked, own) == size


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ("3:2", (384, 256)),
        ("2:3", (256, 384)),
        ("1:1", (256, 256)),
        ("16:9", (336, 192)),
        ("4:3", (288, 224)),
    ],
)
def test_a_shape_alone_takes_a_size_the_model_draws(shape: str, size: tuple[int, int]) -> None:
    assert resolve(Asked(aspect=shape), OWN, ((256, 256), (384, 256), (256, 384))) == size


@pytest.mark.parametrize(("shape", "size"), ASPECTS.items())
def test_the_table_is_of_side_512(shape: str, size: tuple[int, int]) -> None:
    assert resolve(Asked(aspect=shape, side=512), None) == size


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (Asked(raw="63x64"), "rawresolution"),
        (Asked(raw="16385x64"), "rawresolution"),
        (Asked(raw="-5x64"), "rawresolution"),
        (Asked(raw="1024"), "rawresolution"),
        (Asked(raw="axb"), "rawresolution"),
        (Asked(raw="99999999999999999999x64"), "rawresolution"),
        (Asked(side=16384, aspect="21:9"), "sidelength"),
        (Asked(width=512, height_multiplier=0.0), "altresolutionheightmultiplier"),
        (Asked(width=16384, height_multiplier=10.0), "altresolutionheightmultiplier"),
    ],
)
def test_refused_with_the_bounds(asked: Asked, field: str) -> None:
    with pytest.raises(BadInput) as refused:
        resolve(asked, OWN)
    assert refused.value.extra == {"field": field, "limit": {"min": "64x64", "max": "16384x16384"}}
