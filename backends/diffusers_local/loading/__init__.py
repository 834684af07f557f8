"""From files to models in memory: what is on disk is checked, recognised, loaded and kept while it fits."""
