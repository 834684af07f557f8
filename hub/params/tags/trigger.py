"""`<trigger>`: the words that the model and the LoRAs in use were taught to listen to."""

from hub.params.tags.filling import TRIGGER, Filling
from hub.params.tags.tag import Tag


def _fill(filling: Filling, options: str | None, body: str) -> str:
    return TRIGGER


TAG = Tag(
    names=("trigger", "triggerphrase"),
    forms=("<trigger>",),
    description="The trigger phrases of the model and of every LoRA in use.",
    fill=_fill,
    bare=True,
)
