"""The ids under which works are given to a server: the same for the same work, whoever asks again."""

import uuid

_NAMESPACE = uuid.UUID("6f1d2f6e-6d0f-5b7c-9a55-1f1d0c9b8a3e")


def prompt_id(hub: str, work: str, attempt: int) -> str:
    """The id of a work's attempt (0, 1, …), as servers since 0.24 want it (comfyui-protocol §3).

    It follows from the hub's own id and the work's, so that a hub that was restarted finds what it had asked
    for and what has been finished since, instead of having it drawn twice.
    """
    return str(uuid.uuid5(_NAMESPACE, f"{hub}\n{work}\n{attempt}"))
