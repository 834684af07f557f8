"""The flags, one file a group; a new file is found by itself."""
