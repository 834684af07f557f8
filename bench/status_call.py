"""CPU of an authenticated GetCurrentStatus against a bare Litestar handler on the same server."""

import json
import statistics

from bench.calls import Line
from bench.cpu import cpu_seconds
from bench.programs import Program, hub, peer
from bench.report import Figure

ROUNDS = 8
CALLS = 2000


async def measure() -> list[Figure]:
    """Alternate slices of calls to both servers; compare the CPU seconds each used."""
    async with hub() as ours, peer("bare_litestar") as bare:
        line = await Line.open(ours.port)
        session = (await line.post("/API/GetNewSession"))["session_id"]
        other = await Line.open(bare.port)
        body = json.dumps({"session_id": session}).encode()
        pairs = []
        await _slice(ours, line, body)
        await _slice(bare, other, body)
        for _ in range(ROUNDS):
            pairs.append((await _slice(ours, line, body), await _slice(bare, other, body)))
        line.close()
        other.close()
    mine, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    return [
        Figure(
            "CPU per authenticated GetCurrentStatus against a bare Litestar handler",
            statistics.median(a / b for a, b in pairs),
            "x",
            floor=1.3,
            aim=1.0,
            ours=f"{mine * 1e6:.0f} us",
            peer=f"{theirs * 1e6:.0f} us",
        )
    ]


async def _slice(program: Program, line: Line, body: bytes) -> float:
    """CPU seconds of the server for one call, over a slice of CALLS."""
    request = line.request("/API/GetCurrentStatus", body)
    before = cpu_seconds(program.pid)
    for _ in range(CALLS):
        await line.send(request)
    return (cpu_seconds(program.pid) - before) / CALLS
