"""Models fetched from elsewhere: what an address means, the transfer, and what is kept of it."""

from hub.downloads.download import Progress
from hub.downloads.downloads import Done, Downloads, Order
from hub.downloads.sites import Sites

__all__ = ["Done", "Downloads", "Order", "Progress", "Sites"]
