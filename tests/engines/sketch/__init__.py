"""An engine for tests that fills pictures with one colour, with previews, and misbehaves when asked to."""
