"""What users ask for and get, checked where an administrator wants that: by words, a classifier, or more."""

from hub.safety.checker import Checker, CheckerType, Finding, Unusable
from hub.safety.safety import Safety, Withheld, told_of

__all__ = ["Checker", "CheckerType", "Finding", "Safety", "Unusable", "Withheld", "told_of"]
