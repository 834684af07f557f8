"""What the cards' tool says, line by line, and what becomes of a tool that is missing or ends."""

import asyncio
import sys
from pathlib import Path

import pytest

from hub.resources.gpus import STALE_SECONDS, Cards, command, read_line

RECORDED = (Path(__file__).parent / "nvidia_smi.csv").read_text()


def test_a_recorded_table_is_read() -> None:
    cards = [read_line(line) for line in RECORDED.splitlines()]
    assert [(card.id, card.name, card.temperature, card.power) for card in cards if card] == [
        (0, "NVIDIA GeForce RTX 3090", 61, 342.18),
        (1, "Tesla T4", 35, 9.87),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "index, name, temperature.gpu",
        "No devices were found",
        "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.",
        "0, NVIDIA A100, 30, 0, 0, [N/A], [N/A], [N/A], [N/A]",
        "x, NVIDIA A100, 30, 0, 0, 1, 1, 1, 1",
    ],
)
def test_other_lines_are_no_cards(line: str) -> None:
    assert read_line(line) is None


def test_what_the_driver_does_not_tell_is_nought() -> None:
    card = read_line(
        "3, NVIDIA A100-SXM4-40GB MIG 1g.5gb, [N/A], [Not Supported], [N/A], 4864, 4000, 864, ERR!"
    )
    assert card is not None
    assert (card.temperature, card.utilization_gpu, card.power, card.total_memory) == (0, 0, 0, 4864 * 2**20)


def test_a_name_may_have_commas() -> None:
    card = read_line("0, Some, odd name, 30, 1, 2, 10, 4, 6, 7.5")
    assert card is not None and card.name == "Some, odd name" and card.used_memory == 6 * 2**20


def test_it_is_asked_for_the_fields_that_are_read() -> None:
    words = command("nvidia-smi")
    assert words[1].startswith("--query-gpu=index,name,") and "--format=csv,noheader,nounits" in words


async def test_a_missing_tool_is_no_trouble() -> None:
    cards = Cards(find=lambda: None)
    cards.start()
    async with asyncio.timeout(30):
        while not cards.tool_missing:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert cards.now() == {}
    await cards.stop()


async def test_cards_are_told_of_until_they_are_stale_and_the_tool_ends_with_us() -> None:
    now = [100.0]
    talking = f"import sys, time\nsys.stdout.write({RECORDED!r}); sys.stdout.flush(); time.sleep(600)"
    cards = Cards(find=lambda: (sys.executable, "-c", talking), clock=lambda: now[0])
    cards.start()
    async with asyncio.timeout(60):
        while len(cards.now()) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    now[0] += STALE_SECONDS + 1
    assert cards.now() == {}
    async with asyncio.timeout(30):
        await cards.stop()  # it kills the tool, which would sleep for ten minutes
