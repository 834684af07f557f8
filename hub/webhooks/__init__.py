"""Who else is told: the addresses that users and whoever runs the server name, and what is sent to them."""

from hub.webhooks.hooks import Hooks, Trial
from hub.webhooks.server import ServerHooks

__all__ = ["Hooks", "ServerHooks", "Trial"]
