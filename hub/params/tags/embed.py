"""`<embed:name>` or `<embedding:name>`: puts a textual inversion among the words.

The tag stays in the text with the catalog's full name: whoever reads the text for the model replaces it.
"""

from hub.params.tags.filling import Filling
from hub.params.tags.tag import Tag


def _fill(filling: Filling, options: str | None, body: str) -> str:
    entry = filling.find("embed", "Embedding", filling.fill(body))
    filling.embeddings[entry.name] = entry
    filling.count(filling.embeddings, "embeddings")
    return f"<embed:{entry.name}>"


TAG = Tag(
    names=("embed", "embedding"),
    forms=("<embed:name>", "<embedding:name>"),
    description="Puts a textual inversion at this place among the words.",
    fill=_fill,
    stays=True,
)
