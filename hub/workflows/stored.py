"""What is stored of a workflow, and which names it may have."""

import re
from pathlib import PurePosixPath

from msgspec import Struct

from hub.errors import BadInput

LONGEST_NAME = 200
"""Characters of a name, its folders counted in."""

_PART = re.compile(r"[^\x00-\x1f\x7f\\/:*?\"<>|]{1,120}")
_RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(10))})


class WorkflowHead(Struct, frozen=True):
    """What a list of workflows shows: `image` is a data URL or "", `enable_in_simple` whether the simple page
    offers it."""

    name: str
    image: str = ""
    description: str = ""
    enable_in_simple: bool = False


class StoredWorkflow(Struct, frozen=True):
    """One workflow. The first four are JSON texts as ComfyUI's page sends them: `workflow` is how that page
    saves it, `prompt` the graph in API format with gaps for parameters, `custom_params` what the gaps are
    and `param_values` what was last put there.
    """

    name: str
    workflow: str
    prompt: str
    custom_params: str = ""
    param_values: str = ""
    image: str = ""
    description: str = ""
    enable_in_simple: bool = False

    @property
    def head(self) -> WorkflowHead:
        """What a list shows of it."""
        return WorkflowHead(self.name, self.image, self.description, self.enable_in_simple)


def checked_name(name: str, field: str = "name") -> str:
    """The name as it is stored: folders parted by `/`. Raises BadInput for one that could leave the folder
    or that some system cannot write.
    """
    plain = name.strip().replace("\\", "/").removesuffix(".json")
    parts = [part.strip() for part in plain.split("/") if part.strip()]
    made = "/".join(parts)
    if not parts or len(made) > LONGEST_NAME or not all(map(_is_fine, parts)):
        raise BadInput(
            f"The workflow's name '{name[:100]}' cannot be used: it may have letters, digits and blanks, "
            f"with folders parted by /, and {LONGEST_NAME} characters",
            field=field,
            limit=LONGEST_NAME,
        )
    return str(PurePosixPath(*parts))


def _is_fine(part: str) -> bool:
    stem = part.partition(".")[0].lower()
    return (
        bool(_PART.fullmatch(part)) and not part.startswith(".") and part[-1] != "." and stem not in _RESERVED
    )
