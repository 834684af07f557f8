"""A bench engine: one ready picture for every work, so that only the hub around it is measured."""
