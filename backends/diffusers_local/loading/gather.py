"""What one work needs in memory: which files, and all of them together once they are held."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from backends.contract import ModelRef, Work
from backends.diffusers_local.loading.model import Model
from backends.diffusers_local.loading.shelf import Shelf
from backends.diffusers_local.prompts.inversions import Embedding


class Need(Struct, frozen=True):
    """One file a work needs; `kind` is one of `parts.LOADERS`."""

    kind: str
    ref: ModelRef


@dataclass(frozen=True, slots=True, eq=False)
class Kit:
    """Everything in memory that one work is drawn with. `seconds` is what loading it took; `embeddings` are
    the textual inversions by their names.
    """

    model: Model
    seconds: float = 0.0
    embeddings: Mapping[str, Embedding] = field(default_factory=dict)

    @property
    def vae(self) -> Any:
        """The autoencoder that this work is encoded and decoded with."""
        return self.model.vae


def needs(work: Work) -> Iterator[Need]:
    """What the work needs, in the order to load it."""
    yield Need("model", work.model)
    for embedding in work.embeddings:
        yield Need("embedding", embedding)


def paths_of(work: Work) -> set[str]:
    """The files and folders that must stay in memory while the work is drawn."""
    return {need.ref.path for need in needs(work)}


def gather(work: Work, shelf: Shelf, seconds: float = 0.0) -> Kit:
    """The work's kit from what the shelf holds. Raises KeyError when something of `needs` is not held."""
    return Kit(
        shelf.held("model", work.model),
        seconds,
        embeddings={ref.name: shelf.held("embedding", ref) for ref in work.embeddings},
    )
