"""What the machine and the queue use up, now and over the last day: sampled in one place, kept in rings."""

from hub.resources.gpus import Gpu
from hub.resources.memory import give_back, resident
from hub.resources.queue import WINDOW_SECONDS, QueueFigures
from hub.resources.resources import Now, Resources
from hub.resources.rings import GRAINS, History

__all__ = [
    "GRAINS",
    "WINDOW_SECONDS",
    "Gpu",
    "History",
    "Now",
    "QueueFigures",
    "Resources",
    "give_back",
    "resident",
]
