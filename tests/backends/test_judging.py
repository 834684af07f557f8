"""An image classifier in its own process: what it says is what the library says, and nothing breaks it."""

import asyncio
import json
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from backends.diffusers_local.classifier import Eye
from backends.judging import Judge, NotJudged
from tests.backends.eyes import make_eye


def encoded(colour: str, kind: str = "PNG", mode: str = "RGB") -> bytes:
    file = BytesIO()
    Image.new(mode, (70, 40), colour).save(file, kind)
    return file.getvalue()


@pytest.mark.long  # a process with torch of its own, for ten seconds
async def test_what_it_sees(tmp_path: Path) -> None:
    make_eye(tmp_path)
    eye, judge = Eye(str(tmp_path)), Judge(tmp_path)
    try:
        files = [
            encoded("red"),
            encoded("blue", "JPEG"),
            encoded("green", "WEBP"),
            encoded("red", "PNG", "RGBA"),
        ]
        seen = await asyncio.gather(*(judge.scores(data) for data in files))
        for data, scores in zip(files, seen, strict=True):
            assert scores == pytest.approx(eye.scores(data), abs=1e-4)
            assert sum(scores.values()) == pytest.approx(1, abs=1e-4)
        assert abs(seen[0]["nsfw"] - seen[1]["nsfw"]) > 0.05
        with pytest.raises(NotJudged, match="could not look at it"):
            await judge.scores(b"no picture")
        assert await judge.scores(files[0]) == seen[0]
        assert judge._process is not None
        judge._process.kill()
        await judge._process.wait()
        assert await judge.scores(files[0]) == seen[0]  # a new process
        held = judge._process
    finally:
        await judge.stop()
    assert held.returncode is not None


def test_several_labels_are_told_each_by_itself(tmp_path: Path) -> None:
    make_eye(tmp_path, several=True)
    scores = Eye(str(tmp_path)).scores(encoded("red"))
    assert sum(scores.values()) != pytest.approx(1, abs=1e-3)
    assert all(0 <= score <= 1 for score in scores.values())


@pytest.mark.long
async def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(NotJudged, match="could not be loaded"):
        await Judge(tmp_path).scores(encoded("red"))


@pytest.mark.long
async def test_code_of_the_folder_is_never_run(tmp_path: Path) -> None:
    make_eye(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["auto_map"] = {"AutoModelForImageClassification": "evil.Evil", "AutoConfig": "evil.Conf"}
    config["model_type"] = "evil"
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "evil.py").write_text(
        f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Evil: pass\nclass Conf: pass\n"
    )
    judge = Judge(tmp_path)
    with pytest.raises(NotJudged):
        await judge.scores(encoded("red"))
    await judge.stop()
    assert not (tmp_path / "ran").exists()


@pytest.mark.long
async def test_only_safetensors_are_read(tmp_path: Path) -> None:
    make_eye(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    judge = Judge(tmp_path)
    with pytest.raises(NotJudged, match="could not be loaded"):
        await judge.scores(encoded("red"))
    await judge.stop()
