"""Runs an ordinary function in pieces: a long computation that lets others have a turn now and then.

The function runs in a companion thread which never runs at the same time as the caller: the two hand one
baton back and forth. It gives the baton up where it calls `pause`, and before each submodule of the named
modules; so the arithmetic, and with it every bit of the result, is what it would be in one go.
"""

import threading
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch

T = TypeVar("T")
Pause = Callable[[], None]
"""Called by the function where others may have their turn; raises Dropped when its result is not wanted."""


class Dropped(BaseException):
    """Nobody wants the result any more; passes through the function, which lets go of what it holds."""


@dataclass(slots=True)
class Allowance:
    """How long the piece at work may go on: `until` in seconds of `time.perf_counter`."""

    until: float = float("inf")

    @property
    def over(self) -> bool:
        """It is used up."""
        return time.perf_counter() >= self.until


def in_slices(
    function: Callable[[Pause], T], allowance: Allowance, modules: Iterable[torch.nn.Module] = ()
) -> Generator[None, None, T]:
    """A generator that runs `function` piece by piece: each `next` goes on until the allowance is used up.

    Its return value is the function's; what the function raises comes out of `next`. Closing it ends the
    function at its next pause. Only one such generator may be at work inside a module at a time.
    """
    companion = _Companion(function, allowance)
    hooks = [
        inner.register_forward_pre_hook(companion.pass_by) for outer in modules for inner in outer.modules()
    ]
    try:
        while not companion.go_on():
            yield
        return companion.result()
    finally:
        companion.drop()
        for hook in hooks:
            hook.remove()


def in_one(function: Callable[[Pause], T]) -> Generator[None, None, T]:
    """The same face for a function that is too short to be cut."""
    yield from ()
    return function(lambda: None)


class _Companion(Generic[T]):
    """The thread at the other end of the baton."""

    def __init__(self, function: Callable[[Pause], T], allowance: Allowance) -> None:
        self._function = function
        self._allowance = allowance
        self._go = threading.Semaphore(0)
        self._back = threading.Semaphore(0)
        self._dropped = False
        self._finished = False
        self._value: list[T] = []
        self._error: BaseException | None = None
        self._threads = torch.get_num_threads()
        self._inference = torch.is_inference_mode_enabled()
        self._thread: threading.Thread | None = None

    def go_on(self) -> bool:
        """Let it run; returns at its next pause, True when it has ended."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="slices", daemon=True)
            self._thread.start()
        self._go.release()
        self._back.acquire()
        return self._finished

    def result(self) -> T:
        """What the function returned; raises what it raised."""
        error, self._error = self._error, None
        if error is not None:
            raise error
        return self._value.pop()

    def drop(self) -> None:
        """End the function where it pauses."""
        self._dropped = True
        while self._thread is not None and not self._finished:
            self.go_on()

    def pass_by(self, _module: torch.nn.Module, _given: Any) -> None:
        """Before a submodule runs (in whichever thread)."""
        if threading.current_thread() is self._thread:
            self.pause()

    def pause(self) -> None:
        """Give the baton up when the piece has lasted long enough."""
        if self._dropped:
            raise Dropped
        if self._allowance.until != float("inf") and torch.cuda.is_available():
            torch.cuda.synchronize()  # what is only queued on the device would hold up the others' steps
        if self._allowance.over:
            self._back.release()
            self._go.acquire()
            if self._dropped:
                raise Dropped

    def _run(self) -> None:
        self._go.acquire()
        torch.set_num_threads(self._threads)  # is the thread's own
        try:
            with torch.inference_mode(self._inference):
                self._value.append(self._function(self.pause))
        except Dropped:
            pass
        except BaseException as error:
            self._error = error
        self._finished = True
        self._back.release()
