"""Compiled denoisers: each size of batch is another program, so that batches are filled up to few sizes."""

from collections.abc import Callable, Mapping
from typing import Any

import torch

_LARGEST = 16
"""Lines from which on sizes are multiples of this."""

_RECOMPILES = 64


def compile_denoiser(denoiser: Any, compiler: Callable[..., Any] = torch.compile) -> None:
    """Let a denoiser's forward be compiled, once for each shape and bucket. Where compiling fails (without a
    C++ compiler, say) PyTorch runs it as it is.
    """
    torch._dynamo.config.suppress_errors = True
    torch._dynamo.config.cache_size_limit = max(torch._dynamo.config.cache_size_limit, _RECOMPILES)
    compiled = compiler(denoiser.forward, dynamic=False)
    denoiser.forward = Padded(compiled)


def bucket(lines: int) -> int:
    """The size a batch of so many lines is filled up to: a power of two, above sixteen a multiple of it."""
    if lines > _LARGEST:
        return -(-lines // _LARGEST) * _LARGEST
    return 1 << max(0, lines - 1).bit_length()


class Padded:
    """A forward whose tensors are filled up to a bucket with copies of their last line, and cut after it."""

    def __init__(self, forward: Callable[..., Any]) -> None:
        self._forward = forward

    def __call__(self, sample: torch.Tensor, *given: Any, **named: Any) -> Any:
        """The forward's answer for the lines that were asked for."""
        lines = len(sample)
        more = bucket(lines) - lines
        if not more:
            return self._forward(sample, *given, **named)
        wide = [_fill(value, lines, more) for value in (sample, *given)]
        answer = self._forward(*wide, **{name: _fill(value, lines, more) for name, value in named.items()})
        return _cut(answer, lines, lines + more)


def _fill(value: Any, lines: int, more: int) -> Any:
    if isinstance(value, torch.Tensor) and value.ndim and len(value) == lines:
        return torch.cat([value, *[value[-1:]] * more])
    if isinstance(value, Mapping):
        return {name: _fill(inner, lines, more) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_fill(inner, lines, more) for inner in value)
    return value


def _cut(value: Any, lines: int, wide: int) -> Any:
    if isinstance(value, torch.Tensor) and value.ndim and len(value) == wide:
        return value[:lines]
    if isinstance(value, list | tuple):
        return type(value)(_cut(inner, lines, wide) for inner in value)
    if isinstance(value, dict):
        for name in value:
            value[name] = _cut(value[name], lines, wide)
    return value
