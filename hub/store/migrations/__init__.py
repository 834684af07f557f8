"""One file for each change of the tables, applied in order of their numbers when the store opens."""
