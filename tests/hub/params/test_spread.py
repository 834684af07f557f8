"""One request, many works: ids and seeds."""

import pytest

from hub.errors import BadInput
from hub.params import spread, work
from tests.hub.params.conftest import Parse


def test_one_work_a_picture(ask: Parse) -> None:
    request = ask(prompt="x", images=3, batchsize=2, seed=10, negativeprompt="y", steps=4)
    works = spread(request, "job", "ann", "session")
    assert [w.id for w in works] == [f"job:{index}" for index in range(6)]
    assert [w.seed for w in works] == [10, 11, 12, 13, 14, 15]
    assert {(w.prompt, w.negative_prompt, w.steps, w.user, w.session) for w in works} == {
        ("x", "y", 4, "ann", "session")
    }
    assert work(request, "job", "ann", "session", 4) == works[4]


def test_without_increment_only_a_batch_differs(ask: Parse) -> None:
    request = ask(images=2, batchsize=2, seed=10, noseedincrement=True)
    assert [w.seed for w in spread(request, "j", "u", "s")] == [10, 11, 10, 11]


def test_a_variation_moves_in_place_of_the_seed(ask: Parse) -> None:
    request = ask(images=3, seed=10, variationseed=7, variationseedstrength=0.5)
    works = spread(request, "j", "u", "s")
    assert [w.seed for w in works] == [10, 10, 10]
    assert [w.variation_seed for w in works] == [7, 8, 9]


@pytest.mark.parametrize("seed", [2**63 - 1, 2**63 - 2])
def test_seeds_never_leave_their_range(ask: Parse, seed: int) -> None:
    works = spread(ask(images=4, seed=seed), "j", "u", "s")
    assert all(0 <= w.seed < 2**63 for w in works)
    assert len({w.seed for w in works}) == 4


def test_what_only_engines_know_goes_to_them(ask: Parse) -> None:
    (one,) = spread(ask(images=1, clipstopatlayer="-2"), "j", "u", "s")
    assert one.extra == {"clipstopatlayer": -2}
    (other,) = spread(ask(images=1), "j", "u", "s")
    assert other.extra == {}


@pytest.mark.parametrize("layer", [0, -25, "x"])
def test_a_layer_that_is_none_is_refused(ask: Parse, layer: int | str) -> None:
    with pytest.raises(BadInput) as refused:
        ask(clipstopatlayer=layer)
    assert refused.value.extra["field"] == "clipstopatlayer"
