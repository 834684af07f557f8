"""Which jobs a webhook is told of."""

from typing import Any

import pytest

from hub.errors import BadInput
from hub.jobs import Asked
from hub.jobs.events import Ended, Imaged
from hub.webhooks.wanted import MOST, Wanted, read_wanted

WHO: dict[str, Any] = {"job": "j", "user": "ann", "session": "AB12CD34rest", "request_id": 1, "number": 7}
DONE = Ended(**WHO, state="done")
IMAGE = Imaged(**WHO, index=0, url="View/x.png", metadata=None)
CAT = Asked("SDXL/base.safetensors", ("A Cat in a garden", "a dog"))


@pytest.mark.parametrize(
    ("given", "event", "told"),
    [
        ({}, IMAGE, True),
        ({"models": ["sdxl/base"]}, IMAGE, True),
        ({"models": ["SDXL/base.safetensors"]}, IMAGE, True),
        ({"models": ["sdxl/"]}, IMAGE, True),
        ({"models": ["sdxl"]}, IMAGE, False),
        ({"models": ["flux/", "sdxl/"]}, IMAGE, True),
        ({"words": ["cat", "Garden"]}, IMAGE, True),
        ({"words": ["cat", "dog"]}, IMAGE, False),
        ({"words": ["cat"], "models": ["flux/"]}, IMAGE, False),
        ({"states": ["failed"]}, DONE, False),
        ({"states": ["failed", "done"]}, DONE, True),
        ({"states": ["failed"]}, IMAGE, True),
        ({"sessions": ["ab12cd34ffffffff"]}, IMAGE, True),
        ({"sessions": ["00000000"]}, IMAGE, False),
    ],
)
def test_what_is_told(given: Any, event: Any, told: bool) -> None:
    assert read_wanted(given).passes(event, lambda: CAT) is told


def test_a_job_that_is_forgotten_is_told_of() -> None:
    assert read_wanted({"words": ["cat"]}).passes(DONE, lambda: None)


def test_nothing_given_is_no_filter() -> None:
    assert read_wanted(None) == read_wanted({}) == Wanted()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["cat"], "must be an object"),
        ({"model": ["x"]}, "There is no filter 'model'. There are: models, states"),
        ({"models": "x"}, "`models` must be a list of texts"),
        ({"words": [" "]}, "`words` must be a list of texts"),
        ({"words": [3]}, "`words` must be a list of texts"),
        ({"words": ["x"] * (MOST + 1)}, f"at most {MOST}"),
        ({"states": ["running"]}, "never ends as 'running'"),
        ({"sessions": ["ab12"]}, "too short"),
    ],
)
def test_a_wrong_filter_is_refused(given: Any, says: str) -> None:
    with pytest.raises(BadInput, match=says) as refusal:
        read_wanted(given)
    assert refusal.value.extra["field"] == "filter"
