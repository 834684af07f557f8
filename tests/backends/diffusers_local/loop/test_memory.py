import sys

import pytest
import torch

from backends.diffusers_local.loop.memory import Gauge, out_of_memory

CPU = torch.device("cpu")


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells only there")
def test_the_peak_of_what_happens_inside_is_seen() -> None:
    gauge = Gauge(CPU)
    with gauge.watch() as peak:
        large = torch.ones(64, 1 << 20, dtype=torch.uint8)
        del large
    assert (32 << 20) < peak.bytes < (512 << 20)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells only there")
def test_what_is_free_is_known_and_not_asked_for_at_every_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    gauge = Gauge(CPU)
    free = gauge.free()
    assert free is not None
    assert free > 1 << 20
    monkeypatch.setattr(Gauge, "_look", lambda self: 1)
    assert gauge.free() == free


def test_a_device_that_tells_nothing_bounds_nothing() -> None:
    gauge = Gauge(torch.device("meta"))
    assert gauge.free() is None
    with gauge.watch() as peak:
        pass
    assert peak.bytes == 0
    gauge.settle()


@pytest.mark.parametrize(
    ("error", "is_one"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (MemoryError(), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("shapes differ"), False),
    ],
)
def test_memory_that_ran_out_is_recognised(error: Exception, is_one: bool) -> None:
    assert out_of_memory(error) is is_one
