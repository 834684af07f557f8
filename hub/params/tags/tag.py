"""What a tag is: how it is written, and what takes its place."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from hub.params.tags.filling import Filling


class Tag(Struct, frozen=True):
    """A tag by its `names`, the first of them its usual one. `forms` are the ways to write it, `description`
    says what it does; both are for the docs.

    `fill(filling, options, body)` gives the text that takes its place: `options` is what stands in the square
    brackets behind the name (None without them), `body` what stands behind the colon, its own tags still in
    it: the tag fills in what it uses. One that is `bare` has neither and is written without a colon.
    """

    names: tuple[str, ...]
    forms: tuple[str, ...]
    description: str
    fill: "Callable[[Filling, str | None, str], str]"
    bare: bool = False
    stays: bool = False
