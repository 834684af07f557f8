"""Many requests at once on one thread: who is next, what they share, and what is done between their steps."""
