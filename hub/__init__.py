"""Generation Hub: sessions, permissions, queue and streaming in front of every image engine."""

__version__ = "0.1.0"
