"""Grids: one picture for every combination of some parameters' values, their page, and stored set-ups."""

from hub.grids.drawing import Drawn, Failed, Moved, Told
from hub.grids.grids import CONFIG, Grids
from hub.grids.page import POLICY, is_page
from hub.grids.plan import Order, Plan
from hub.grids.saved import SavedGrids

__all__ = [
    "CONFIG",
    "POLICY",
    "Drawn",
    "Failed",
    "Grids",
    "Moved",
    "Order",
    "Plan",
    "SavedGrids",
    "Told",
    "is_page",
]
