"""Stored workflows: what is kept, under which names, and that nothing leaves the folder."""

from pathlib import Path

import msgspec
import pytest

from hub.errors import BadInput, HubError
from hub.workflows import StoredWorkflow, WorkflowHead, Workflows

GRAPH = '{"1": {"class_type": "SaveImage", "inputs": {"steps": ${steps:20}}}}'


def stored(name: str = "mine", prompt: str = GRAPH, description: str = "") -> StoredWorkflow:
    return StoredWorkflow(name, '{"nodes": []}', prompt, "{}", "{}", "data:image/png;base64,", description)


async def test_saved_listed_read_and_deleted(tmp_path: Path) -> None:
    room = Workflows(tmp_path / "workflows")
    assert room.names() == []
    await room.save(stored("Basic SDXL", description="plain"))
    await room.save(stored(" people \\ faces.json "))
    assert room.heads() == [
        WorkflowHead("Basic SDXL", "data:image/png;base64,", "plain"),
        WorkflowHead("people/faces", "data:image/png;base64,"),
    ]
    again = Workflows(tmp_path / "workflows")
    assert again.heads() == room.heads()
    assert (await again.read("people/faces")).prompt == GRAPH
    assert again.graph_of("Basic SDXL") == GRAPH
    await again.delete("people/faces")
    assert again.names() == ["Basic SDXL"]
    assert again.graph_of("people/faces") is None


async def test_saved_over_another(tmp_path: Path) -> None:
    room = Workflows(tmp_path)
    await room.save(stored("a", description="one"))
    await room.save(stored("a", description="two"))
    await room.save(stored("b", description="three"), replace="a")
    assert [head.description for head in Workflows(tmp_path).heads()] == ["three"]
    assert [path.name for path in tmp_path.iterdir()] == ["b.json"]


@pytest.mark.parametrize(
    "name",
    [
        "",
        " / ",
        "..",
        "../x",
        "a/../../x",
        ".hidden",
        "a/.x",
        "con",
        "x\0y",
        "a\nb",
        "C:\\x",
        "x.",
        "y" * 121,
        "a/" * 101 + "b",
    ],
)
async def test_names_that_could_lead_elsewhere(tmp_path: Path, name: str) -> None:
    room = Workflows(tmp_path / "in")
    with pytest.raises(BadInput, match="cannot be used"):
        await room.save(stored(name))
    with pytest.raises(BadInput):
        await room.read(name)
    with pytest.raises(BadInput):
        await room.delete(name)
    assert room.graph_of(name) is None
    assert list(tmp_path.rglob("*")) == []


async def test_one_that_is_not_there(tmp_path: Path) -> None:
    room = Workflows(tmp_path)
    for call in (room.read, room.delete):
        with pytest.raises(HubError, match="no stored workflow"):
            await call("nothing")


async def test_only_graphs_are_stored(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="parameter prompt"):
        await Workflows(tmp_path).save(stored(prompt='{"nodes": []}'))


async def test_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = Workflows(tmp_path)
    with pytest.raises(BadInput, match="at most"):
        await room.save(msgspec.structs.replace(stored(), image="x" * (8 << 20)))
    monkeypatch.setattr("hub.workflows.workflows.MOST", 1)
    await room.save(stored("one"))
    await room.save(stored("one"))
    with pytest.raises(BadInput, match="delete one first"):
        await room.save(stored("two"))


async def test_files_that_are_none_are_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "own.json").symlink_to("/etc/hostname")
    (tmp_path / ".x.json.part").write_text("{}")
    room = Workflows(tmp_path)
    assert room.names() == []
    assert "'broken' cannot be read" in caplog.text
    assert (tmp_path / "broken.json").exists()
