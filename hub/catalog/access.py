"""Which models a role may see (swarm-api §3 "Model rule")."""

from hub.accounts.caller import Limits

NO_MODEL = "(none)"


def may_see(limits: Limits, name: str) -> bool:
    """Whether a role lets its holder see and use the model; a refused prefix beats an allowed one."""
    low = name.lower()
    if low == NO_MODEL:
        return True
    if any(low.startswith(prefix.lower()) for prefix in limits.model_blacklist):
        return False
    allowed = limits.model_whitelist
    return not allowed or any(low.startswith(prefix.lower()) for prefix in allowed)


def sees_all(limits: Limits) -> bool:
    """Whether no list narrows what the holder sees, so that nothing needs to be filtered."""
    return not limits.model_blacklist and not limits.model_whitelist
