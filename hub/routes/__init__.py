"""Every route of the hub, one folder a family; a file here is found by itself."""
