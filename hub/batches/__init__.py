"""Image batches: every picture of a folder through one generation."""

from hub.batches.batches import Batches, Drawn, Failed, Moved, Told
from hub.batches.plan import Order, Plan

__all__ = ["Batches", "Drawn", "Failed", "Moved", "Order", "Plan", "Told"]
