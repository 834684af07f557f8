"""What an administrator keeps the hub in order with, put together: how the machine fares, settings that act
at once, updates, submitted logs.
"""

import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from hub.jobs import Jobs
from hub.logs import Pastes
from hub.resources import QueueFigures, Resources
from hub.server_settings import ServerSettings
from hub.settings import Settings
from hub.updates import Updates
from hub.webhooks import ServerHooks
from hub.wire.switchboard import Switchboard

ROOT = Path(__file__).parent.parent
"""The copy of the hub that runs."""
GRACE_SECONDS = 60.0
"""At least so long after its start a hub waits for whoever controls it, also to be told that nobody does."""


def open_upkeep(
    settings: Settings,
    jobs: Jobs,
    board: Switchboard,
    hooks: ServerHooks,
    seal: Callable[[str], str],
    closing: AsyncExitStack,
) -> tuple[object, ...]:
    """The rooms, begun; `closing` ends them. `seal` makes of a secret setting what the file may hold."""
    resources = Resources(settings.folders.outputs, QueueFigures(jobs, lambda: board.open_sockets))
    closing.push_async_callback(resources.stop)
    resources.start()
    if settings.network.control_seconds:
        board.ending.controlled(max(GRACE_SECONDS, settings.network.control_seconds))
    closing.callback(board.ending.controlled, 0.0)
    server_settings = ServerSettings(settings, seal=seal)
    server_settings.on_change(_telling(settings, jobs, board, hooks))
    pastes = Pastes(settings.folders.logs / "submitted")
    return resources, server_settings, Updates(ROOT, settings.updates), pastes


def _telling(
    settings: Settings, jobs: Jobs, board: Switchboard, hooks: ServerHooks
) -> Callable[[frozenset[str]], None]:
    """What tells the rooms of changes that they cannot see for themselves."""

    def tell(keys: frozenset[str]) -> None:
        if "log.level" in keys:
            logging.getLogger().setLevel(settings.log.level.upper())
        if "limits.waiting_images" in keys:
            jobs.admission.most_waiting = settings.limits.waiting_images
        if "network.control_seconds" in keys:
            board.ending.controlled(settings.network.control_seconds)
        if "network.hosts" in keys:
            board.gate.learn(settings.network)
        if any(key.startswith("webhooks.") for key in keys):
            hooks.rules_changed()
        if keys & {"accounts.required", "accounts.localhost_bypass"} and board.accounts is not None:
            board.accounts.close_loopback()

    return tell
