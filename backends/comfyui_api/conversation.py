"""One prompt's conversation with a server: frames go in, reports come out (comfyui-protocol §2.5). Pure.

It ends with the frame `executing` of no node and with no other: `execution_success` comes before the server
has written its history.
"""

from dataclasses import dataclass, field

from msgspec import Struct

from backends.comfyui_api.complaints import broken_words
from backends.comfyui_api.frames import File, Frame, Picture, Text, is_jpeg
from backends.comfyui_api.graph import Graph
from backends.contract import Alive, Loading, Progress, Report, Started

BETWEEN_PREVIEWS = 0.05
"""Seconds between two previews handed on; those in between are dropped, of all held only the newest stays."""


class Finished(Struct, frozen=True):
    """It ended well. `pictures` came over the socket; `files` were left on the server."""

    pictures: tuple[bytes, ...] = ()
    files: tuple[File, ...] = ()


class Failure(Struct, frozen=True):
    """It ended with an error, told in a sentence for the user."""

    reason: str
    retry: bool = False


class Stopped(Struct, frozen=True):
    """It was interrupted."""


Ending = Finished | Failure | Stopped


@dataclass(slots=True)
class Conversation:
    """What is known of a prompt from its frames. `watched` says whether anybody looks at previews; seconds
    are of the clock that `hear` is given; `model` is the name told while it loads.
    """

    work: str
    model: str
    graph: Graph
    watched: bool = True
    ending: Ending | None = None
    running: bool = False
    load_seconds: float = 0.0
    draw_seconds: float = 0.0
    _verdict: Ending | None = None
    _loading: bool = False
    _started: bool = False
    _node: str = ""
    _step: int = 0
    _steps: int = 0
    _passed: int = 0
    _seen: tuple[str, int] = ("", 0)
    _preview: bytes | None = None
    _shown: float = float("-inf")
    _began: float = 0.0
    _pictures: list[bytes] = field(default_factory=list)
    _files: tuple[File, ...] = ()

    def __post_init__(self) -> None:
        self._steps = self.graph.steps

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.ending is not None

    def hear(self, frame: Frame, now: float) -> tuple[Report, ...]:
        """Take a frame about this prompt; what it means for the work."""
        if self.ending is not None:
            return ()
        if isinstance(frame, Picture):
            return self._see(frame, now)
        match frame.kind:
            case "execution_start":
                self.running, self._began = True, now
                return (Alive(self.work),)
            case "executing":
                return self._enter(frame.node, now)
            case "progress":
                return self._progress(frame, now)
            case "executed" if frame.node == self.graph.output and frame.output is not None:
                self._files = frame.output.images
            case "execution_success":
                self._verdict = Finished()
            case "execution_error":
                words = broken_words(frame.node_type, frame.exception_type, frame.exception_message)
                self._verdict = Failure(*words)
            case "execution_interrupted":
                self._verdict = Stopped()
        return ()

    def _enter(self, node: str | None, now: float) -> tuple[Report, ...]:
        if node is None:
            return self._end(now)
        self._node = node
        if self._started:
            return ()
        if any(one.node == node for one in self.graph.passes):
            return self._start(now)
        body = self.graph.nodes.get(node)
        if body is not None and "Loader" in str(body.get("class_type")) and not self._loading:
            self._loading = True  # told once, however many files are loaded
            return (Loading(self.work, self.model),)
        return ()

    def _start(self, now: float) -> tuple[Report, ...]:
        self._started = True
        self.load_seconds, self._began = max(0.0, now - self._began), now
        return (Started(self.work, max(self._steps, 1)),)

    def _end(self, now: float) -> tuple[Report, ...]:
        verdict = self._verdict if self._verdict is not None else Finished()
        reports: tuple[Report, ...] = ()
        if isinstance(verdict, Finished):
            verdict = Finished(tuple(self._pictures), self._files)
            if not self._started:  # all of it was still in the server's memory
                reports = self._start(now)
        self.draw_seconds = max(0.0, now - self._began)
        self.ending = verdict
        return reports

    def _progress(self, frame: Text, now: float) -> tuple[Report, ...]:
        """A node's own progress as steps of the whole; other nodes' than the drawing ones' is not told."""
        node = frame.node or self._node
        if frame.max <= 0 or node == self.graph.output:
            return ()
        step = self._place(node, frame.value, frame.max)
        if step is None:
            return ()
        begun = () if self._started else self._start(now)
        if step <= self._step:
            return begun
        self._step = step
        return (*begun, self._told(now))

    def _place(self, node: str, value: float, most: float) -> int | None:
        """How many steps of the whole are done, None when this node is none of those that draw."""
        part = min(max(value / most, 0.0), 1.0)
        if not self.graph.passes:  # a workflow nobody here has built: whatever counts is taken as steps
            if self._seen[0] != node:
                self._passed += self._seen[1]
            self._seen = (node, int(most))
            self._steps = max(self._steps, self._passed + int(most))
            return self._passed + round(part * most)
        before = 0
        for one in self.graph.passes:
            if one.node == node:
                return before + round(part * one.steps)
            before += one.steps
        return None

    def _see(self, frame: Picture, now: float) -> tuple[Report, ...]:
        """A picture: the result when its node is the one that hands it out, else a preview."""
        node = frame.node or self._node
        if node == self.graph.output:
            if self.graph.by_socket:
                self._pictures.append(frame.data)
            return ()
        if not self.watched or not is_jpeg(frame.data):
            return ()
        self._preview = frame.data
        # With a node it comes before the step's progress, which takes it along; without one, after it.
        if frame.node or not self._started or self._step < 1 or not self._due(now):
            return ()
        return (self._told(now),)

    def _told(self, now: float) -> Progress:
        preview = None
        if self._preview is not None and self._due(now):
            preview, self._preview, self._shown = self._preview, None, now
        steps = max(self._steps, 1)
        return Progress(self.work, min(self._step, steps), steps, preview if self.watched else None)

    def _due(self, now: float) -> bool:
        return now - self._shown >= BETWEEN_PREVIEWS
