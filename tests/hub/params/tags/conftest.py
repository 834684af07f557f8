"""Filling of texts with the models, wildcards and presets of a hub of its own."""

from collections.abc import Callable, Mapping

import pytest

from hub.params import Context, letters
from hub.params.tags.budget import budget_of_a_picture
from hub.params.tags.filling import Around, Filling
from hub.params.tags.known import TAGS
from tests.hub.params.conftest import person

WILDCARDS = {
    "colour": "red\ngreen\nblue",
    "animals/pet": "<wildcard:colour> cat\n<random:big,small> dog",
    "self": "<wildcard:self>",
    "size": "1-9",
    "empty": "# nothing",
}
PRESETS: Mapping[str, Mapping[str, str]] = {
    "warm": {"prompt": "{value}, warm light", "steps": "7", "negativeprompt": "{value}, cold"},
    "quick": {"steps": "4"},
    "bad": {"negativeprompt": "ugly"},
}

Make = Callable[..., Filling]


@pytest.fixture
async def make(context: Context) -> Make:
    """Makes a filling: of a seed, by index or not, with more engines' features."""
    for name, text in WILDCARDS.items():
        await context.catalog.wildcards.edit(name, text, None, keep_picture=True)

    def run(seed: int = 1, *, by_index: bool = False, able: frozenset[str] | None = None) -> Filling:
        around = Around(
            catalog=context.catalog,
            caller=person(),
            tags=TAGS,
            most=100,
            longest=100 * 1024,
            presets=PRESETS,
            read=lambda key: {"steps": "20", "images": "1", "prompt": ""}.get(letters(key)),
            able=able,
        )
        return Filling(around, seed, budget_of_a_picture(), by_index=by_index)

    return run
