"""The parameters, one discovered file a group, naming its `GROUP` (or None) and its `PARAMS`."""
