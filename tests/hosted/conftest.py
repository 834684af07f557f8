"""Hosted engines against fakes of the services, first alone and then in a running hub."""

from tests.hub.conftest import free_port, hub, pytest_configure, shared_hub

__all__ = ["free_port", "hub", "pytest_configure", "shared_hub"]
