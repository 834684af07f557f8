"""What launch.py does: set up, serve, test, bench, check. Standard library only, and nothing else of ours."""

from hub.setup.browsers import find_browser
from hub.setup.door import main

__all__ = ["find_browser", "main"]
