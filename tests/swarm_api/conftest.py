"""The families of SwarmUI's API, driven as its clients would: over HTTP and sockets, against a running hub.

`hub` and its marks are those of tests/hub.
"""

from tests.hub.conftest import free_port, hub, pytest_configure, shared_hub

__all__ = ["free_port", "hub", "pytest_configure", "shared_hub"]
