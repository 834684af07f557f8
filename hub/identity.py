"""Who this hub is among hubs."""

import uuid


class Identity:
    """`server` is an id of this hub, new with each start: a hub that meets its own among its engines, or
    among the hubs behind them, knows that requests would go round in a circle.
    """

    def __init__(self) -> None:
        self.server = str(uuid.uuid4())
