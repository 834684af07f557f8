"""Who else is told: the addresses that users name, and what is sent to them."""

from hub.webhooks.hooks import Hooks, Trial

__all__ = ["Hooks", "Trial"]
