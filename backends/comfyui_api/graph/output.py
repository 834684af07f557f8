"""Where the picture goes: over the websocket where the server has that node, else into a folder of its own.

`SaveImageWebsocket` is a custom node file that some servers lack (§0.10). `SaveImage` lists its whole target
folder for every picture; an own one keeps that cheap (§0.9).
"""

from backends.comfyui_api.graph.draft import Draft
from backends.comfyui_api.graph.outcome import Unbuildable

ORDER = 200


def lay(draft: Draft) -> None:
    """Put the output node. Raises Unbuildable."""
    if draft.image is None:
        raise Unbuildable("The ComfyUI server was given nothing to draw.")
    draft.by_socket = draft.server.has("SaveImageWebsocket")
    if draft.by_socket:
        draft.output = draft.sheet.add("Model", "SaveImageWebsocket", images=draft.image).id
    else:
        prefix = f"{draft.folder}/picture"
        draft.output = draft.sheet.add("Model", "SaveImage", images=draft.image, filename_prefix=prefix).id
