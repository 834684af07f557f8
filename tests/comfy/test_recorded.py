"""The fake beside what was recorded: the same prompts in the same order give the same frames and refusals.

recorded/*.json are real conversations put in short, a line a prompt: what was cached, the order of the nodes
and the counts are all from there.
"""

import io
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.comfy.asking import Asking, asking
from tests.comfy.server import Settings
from tests.comfy.serving import Comfy, serving

HERE = Path(__file__).parent / "recorded"
BROKEN = b"\x89PNG\r\n\x1a\nbroken"
FILES = (
    ("input", "", "init.png"),
    ("input", "hub/u1", "init.png"),
    ("input", "", "mask.png"),
    ("output", "", "hub_00001_.png"),
)


def recorded(name: str) -> list[dict[str, Any]]:
    """The lines of a recorded story."""
    return json.loads((HERE / f"{name}.json").read_text("utf-8"))  # type: ignore[no-any-return]


def short(frame: tuple[Any, ...]) -> str:
    """A frame as the recordings put it."""
    kind, data = frame[:2]
    if kind == "status":
        return f"status {data['status']['exec_info']['queue_remaining']}"
    if kind in ("executing", "executed"):
        return f"{kind} {data['node']}"
    if kind == "execution_cached":
        return f"{kind} {','.join(data['nodes'])}"
    if kind == "progress":
        return f"progress {data['node']} {data['value']:g}/{data['max']:g}"
    if kind == "progress_state":
        states = (f"{node}:{about['state']}" for node, about in data["nodes"].items())
        return " ".join((kind, *states))
    return f"{kind} {data.get('node_id', data.get('second'))}" if kind.startswith("binary") else str(kind)


def without_steps(frames: list[str]) -> list[str]:
    """Frames without the sampler's progress, whose count depends on the clock."""
    kept = [f for f in frames if not f.startswith("progress ")]
    return [b for a, b in pairwise(["", *kept]) if a != b or b.startswith("status")]


def comparable(body: Any) -> Any:
    """A refusal without the server's own lines of code, its errors in one order (it walks a set)."""
    if isinstance(body, dict):
        return {key: comparable(value) for key, value in body.items() if key != "traceback"}
    if isinstance(body, list):
        return sorted((comparable(value) for value in body), key=repr)
    return body


def picture() -> bytes:
    """A small file to work on."""
    out = io.BytesIO()
    Image.new("RGBA", (64, 64), (200, 30, 30, 128)).save(out, "PNG")
    return out.getvalue()


async def told(client: Asking, line: dict[str, Any], last: str) -> list[str]:
    """Post one recorded prompt and read as far as its last frame."""
    name = client.id if line.get("known", True) else "nobody"
    owner = {"client_id": name} if line.get("own", True) else {"client_id": None}
    body = {"prompt": line["prompt"], "extra_data": line["extra_data"], **owner}
    body = {key: value for key, value in body.items() if value is not None}
    answer = (await client.http.post("/prompt", json=body)).json()
    if "stop" in line:
        await client.until("progress")
        path, given = line["stop"]
        if path == "cancel":
            await client.http.post(f"/api/jobs/{answer['prompt_id']}/cancel")
        else:
            await client.http.post(path, json={"prompt_id": answer["prompt_id"]} if given else None)
    while len(client.frames) < 3 or short(client.frames[-1]) != last:
        client.frames.append(await client.next())
    frames, client.frames = client.frames, []
    return [short(frame) for frame in frames]


def by_flags(lines: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The lines in runs of the same flags: each was one socket."""
    run: list[dict[str, Any]] = []
    for line in lines:
        if run and run[0]["flags"] != line["flags"]:
            yield run
            run = []
        run.append(line)
    yield run


async def compared(comfy: Comfy, name: str) -> None:
    """Go through a story and compare every prompt's frames."""
    for lines in by_flags(recorded(name)):
        async with asking(comfy.url, flags=lines[0]["flags"]) as client:
            for line in lines:
                frames = await told(client, line, line["frames"][-1])
                if "stop" in line:
                    assert without_steps(frames) == without_steps(line["frames"])
                else:
                    assert frames == line["frames"]


async def test_previews_results_on_the_socket_and_a_cached_run_again() -> None:
    # Steps further apart than the throttle of `progress`, as they were.
    async with serving(Settings(step_seconds=0.11)) as comfy:
        await compared(comfy, "pictures")


async def test_a_broken_upload_and_three_ways_to_interrupt() -> None:
    async with serving(Settings(step_seconds=0.05)) as comfy:
        async with httpx.AsyncClient(base_url=comfy.url, trust_env=False) as http:
            await http.post("/upload/image", files={"image": ("broken.png", BROKEN)})
        await compared(comfy, "trouble")


async def test_previews_switched_on_by_the_server_and_off_by_the_prompt() -> None:
    async with serving(Settings(step_seconds=0.11, preview_method="auto", preview_size=256)) as comfy:
        await compared(comfy, "server_previews")


async def test_what_a_stranger_sees_of_a_prompt_with_and_without_an_owner() -> None:
    async with (
        serving(Settings(step_seconds=0.11)) as comfy,
        asking(comfy.url, flags=False) as client,
        asking(comfy.url) as stranger,
    ):
        for line in recorded("strangers"):
            frames = await told(client, line, line["frames"][-1])
            while len(stranger.frames) < len(line["others"]):
                stranger.frames.append(await stranger.next())
            assert frames == line["frames"]
            assert [short(frame) for frame in stranger.frames] == line["others"]
            stranger.frames = []


@pytest.mark.parametrize("line", recorded("refusals"), ids=lambda line: line["case"])
async def test_every_recorded_refusal_is_refused_in_the_same_words(line: dict[str, Any]) -> None:
    async with serving() as comfy, httpx.AsyncClient(base_url=comfy.url, trust_env=False) as http:
        body = line["body"]
        content = body if isinstance(body, str) else json.dumps(body)
        answer = await http.post("/prompt", content=content)
        assert answer.status_code == line["status"]
        if line["answer"] is None:
            assert answer.text.startswith("500 Internal Server Error")
        elif answer.status_code == 200:
            assert comparable(answer.json()["node_errors"]) == comparable(line["answer"]["node_errors"])
        else:
            assert comparable(answer.json()) == comparable(line["answer"])


@pytest.mark.parametrize("line", recorded("workflows"), ids=lambda line: line["case"])
async def test_every_recorded_workflow_runs_to_its_end(line: dict[str, Any]) -> None:
    async with serving(Settings(step_seconds=0)) as comfy, asking(comfy.url) as client:
        for folder, subfolder, name in FILES:
            data = {"subfolder": subfolder, "type": folder}
            await client.http.post("/upload/image", files={"image": (name, picture())}, data=data)
        answer = await client.post(line["prompt"])
        assert answer["node_errors"] == {}
        frames = await client.end()
        assert "execution_success" in [frame[0] for frame in frames]
