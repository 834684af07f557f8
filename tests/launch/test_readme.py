"""The README's examples, run word for word against a real hub with the starter model."""

import asyncio
import json
import re
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.hub.running import RunningHub, running

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
STARTER = ROOT / "backends" / "diffusers_local" / "starter" / "weights" / "model_index.json"
ANSWER_WITHIN_S = 120

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not STARTER.exists(), reason="the starter model is not in this copy"),
]


@pytest.fixture
async def drawing_hub(tmp_path: Path) -> AsyncIterator[RunningHub]:
    async with running(tmp_path / "data", {"engines.start_at_boot": "true"}) as hub:
        yield hub


def example(language: str, word: str, port: int) -> str:
    """Return the README's block in `language` that holds `word`, for a hub on `port`."""
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return next(block for block in blocks if word in block).replace("7801", str(port))


async def run(*words: str) -> str:
    child = await asyncio.create_subprocess_exec(
        *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(child.communicate(), ANSWER_WITHIN_S)
    assert child.returncode == 0, err.decode()
    return out.decode()


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("bash")), reason="needs bash and curl")
async def test_the_shell_example_draws_and_the_picture_can_be_fetched(drawing_hub: RunningHub) -> None:
    answer = json.loads(await run("bash", "-c", example("sh", "curl", drawing_hub.port)))
    assert len(answer["images"]) == 1, answer
    picture = await drawing_hub.http.get("/" + answer["images"][0])
    assert picture.status_code == 200
    assert picture.headers["content-type"] == "image/png"


async def test_the_python_example_shows_steps_and_both_pictures(drawing_hub: RunningHub) -> None:
    told = await run(sys.executable, "-c", example("python", "websockets", drawing_hub.port))
    assert told.count("finished: http://") == 2, told
    assert "image 0: " in told
    assert "refused" not in told
