"""The engines an administrator has set up: kept over restarts, with their secrets closed away."""

from hub.engines.engines import MASK, Engines, EngineView

__all__ = ["MASK", "EngineView", "Engines"]
