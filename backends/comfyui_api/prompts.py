"""The ids under which works are given to a server: the same for the same work, whoever asks again."""

import uuid
from pathlib import Path

_FILE = "hub_id"

_NAMESPACE = uuid.UUID("6f1d2f6e-6d0f-5b7c-9a55-1f1d0c9b8a3e")


def lasting_id(keep: Path | None, otherwise: str) -> str:
    """The hub's id that outlives its process, kept in this folder; without a folder the other one."""
    if keep is None:
        return otherwise
    file = keep / _FILE
    try:
        known = file.read_text("utf-8").strip()
        if known:
            return known
    except (OSError, UnicodeDecodeError):
        pass
    made = str(uuid.uuid4())
    try:
        file.write_text(made, "utf-8")
    except OSError:
        return otherwise  # drawn twice after a restart is the worst that comes of it
    return made


def prompt_id(hub: str, work: str, attempt: int) -> str:
    """The id of a work's attempt (0, 1, …), as servers since 0.24 want it (comfyui-protocol §3).

    It follows from the hub's own id and the work's, so that a hub that was restarted finds what it had asked
    for and what has been finished since, instead of having it drawn twice.
    """
    return str(uuid.uuid5(_NAMESPACE, f"{hub}\n{work}\n{attempt}"))
