"""The jobs routes' words for what the queue and the history hold."""

from typing import Any

from tests.comfy.server import Item, Server


def job(server: Server, prompt_id: str) -> dict[str, Any] | None:
    """One job, None when nobody knows it."""
    if server.running is not None and server.running[1] == prompt_id:
        return _waiting(server.running, "in_progress")
    for _, _, item in server.pending:
        if item[1] == prompt_id:
            return _waiting(item, "pending")
    entry = server.history.get(prompt_id)
    return None if entry is None else _ended(server, entry)


def listing(server: Server) -> list[dict[str, Any]]:
    """All jobs, without their graphs: what runs, what waits in order, what ended, newest first."""
    items = [_waiting(server.running, "in_progress")] if server.running is not None else []
    items += [_waiting(item, "pending") for _, _, item in sorted(server.pending, key=lambda kept: kept[:2])]
    items += [_ended(server, entry) for entry in reversed(server.history.values())]
    heavy = ("workflow", "outputs", "execution_status")
    return [{name: value for name, value in item.items() if name not in heavy} for item in items]


def _waiting(item: Item, status: str) -> dict[str, Any]:
    number, prompt_id, graph, extra, _ = item
    return {
        "id": prompt_id,
        "status": status,
        "priority": number,
        "create_time": extra["create_time"],
        "outputs_count": 0,
        "workflow": {"prompt": graph, "extra_data": extra},
    }


def _ended(server: Server, entry: dict[str, Any]) -> dict[str, Any]:
    number, prompt_id, graph, extra, _ = entry["prompt"]
    messages = dict(entry["status"]["messages"])
    stopped = "execution_interrupted" in messages
    failed = "cancelled" if stopped and server.settings.since(0, 9) else "failed"
    images = [(node, image) for node, shown in entry["outputs"].items() for image in shown["images"]]
    told = {
        "id": prompt_id,
        "status": "completed" if entry["status"]["completed"] else failed,
        "priority": number,
        "create_time": extra["create_time"],
        "execution_start_time": messages["execution_start"]["timestamp"],
        "execution_end_time": entry["status"]["messages"][-1][1]["timestamp"],
        "outputs_count": len(images),
        "previewable_outputs_count": len(images),
        "outputs": entry["outputs"],
        "execution_status": entry["status"],
        "workflow": {"prompt": graph, "extra_data": extra},
    }
    if "execution_error" in messages:
        told["execution_error"] = messages["execution_error"]
    if images:
        node, image = images[-1]
        told["preview_output"] = {**image, "nodeId": node, "mediaType": "images"}
    return told
