"""Architecture classes: which ones there are and how one is told from a header or a pipeline description."""

from hub.catalog.classes.addons import by_addon, by_component
from hub.catalog.classes.guess import by_tensors
from hub.catalog.classes.known import CLASSES, COMPAT_CLASSES, CompatClass, ModelClass, by_name
from hub.catalog.classes.pipeline import by_pipeline

__all__ = [
    "CLASSES",
    "COMPAT_CLASSES",
    "CompatClass",
    "ModelClass",
    "by_addon",
    "by_component",
    "by_name",
    "by_pipeline",
    "by_tensors",
]
