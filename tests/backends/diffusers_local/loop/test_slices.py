"""Pieces of a computation: the same bits, its errors, its end, and never two at once."""

import threading
import time
from collections.abc import Callable, Generator
from typing import Any

import pytest
import torch

from backends.diffusers_local.loop.slices import Allowance, in_slices


def a_network() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(*(torch.nn.Linear(16, 16) for _ in range(10))).eval()


def run(pieces: Generator[None, None, Any]) -> tuple[Any, int]:
    """The value, and how many pieces came before it."""
    count = 0
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            return end.value, count
        count += 1


class TestPieces:
    def test_the_result_is_the_one_of_one_go(self) -> None:
        network, given = a_network(), torch.randn(3, 16)
        with torch.inference_mode():
            expected = network(given)
            value, count = run(in_slices(lambda _: network(given), Allowance(0.0), [network]))
        assert torch.equal(value, expected)
        assert count == 11  # the whole and each of its layers

    def test_while_there_is_time_it_goes_on(self) -> None:
        network = a_network()
        value, count = run(in_slices(lambda _: network(torch.ones(1, 16)), Allowance(), [network]))
        assert (value.shape, count) == ((1, 16), 0)

    def test_it_pauses_where_it_says_so_and_both_are_never_at_work_at_once(self) -> None:
        inside = [0]

        def function(pause: Callable[[], None]) -> str:
            for _ in range(50):
                inside[0] += 1
                time.sleep(0.0001)
                inside[0] -= 1
                pause()
            return "done"

        pieces, seen = in_slices(function, Allowance(0.0)), []
        with pytest.raises(StopIteration, match="done"):
            while True:
                next(pieces)
                seen.append(inside[0])
        assert seen == [0] * 50

    def test_the_modules_have_no_hooks_afterwards(self) -> None:
        network = a_network()
        run(in_slices(lambda _: network(torch.ones(1, 16)), Allowance(0.0), [network]))
        unfinished = in_slices(lambda _: network(torch.ones(1, 16)), Allowance(0.0), [network])
        next(unfinished)
        unfinished.close()
        assert not any(module._forward_pre_hooks for module in network.modules())

    def test_another_thread_may_use_the_modules_meanwhile(self) -> None:
        network, given = a_network(), torch.randn(2, 16)
        pieces = in_slices(lambda _: network(given), Allowance(0.0), [network])
        with torch.inference_mode():
            next(pieces)
            other = network(given)
            value, _ = run(pieces)
        assert torch.equal(value, other)

    def test_inference_mode_and_threads_are_the_callers(self) -> None:
        def function(_: Callable[[], None]) -> tuple[bool, int]:
            return torch.is_inference_mode_enabled(), torch.get_num_threads()

        with torch.inference_mode():
            value, _ = run(in_slices(function, Allowance()))
        assert value == (True, torch.get_num_threads())


class TestEnds:
    def test_an_error_comes_out(self) -> None:
        def function(pause: Callable[[], None]) -> None:
            pause()
            raise ValueError("no")

        pieces = in_slices(function, Allowance(0.0))
        next(pieces)
        with pytest.raises(ValueError, match="no"):
            next(pieces)

    def test_closing_ends_it_where_it_pauses_and_it_may_clean_up(self) -> None:
        steps: list[object] = []

        def function(pause: Callable[[], None]) -> None:
            try:
                for number in range(5):
                    steps.append(number)
                    pause()
            finally:
                steps.append("cleaned")

        pieces = in_slices(function, Allowance(0.0))
        next(pieces)
        next(pieces)
        before = threading.active_count()
        pieces.close()
        assert steps == [0, 1, "cleaned"]
        until = time.monotonic() + 5
        while threading.active_count() >= before and time.monotonic() < until:
            time.sleep(0.001)
        assert threading.active_count() < before

    def test_closing_before_the_start_starts_nothing(self) -> None:
        ran: list[int] = []
        pieces = in_slices(lambda _: ran.append(1), Allowance())
        pieces.close()
        assert not ran
