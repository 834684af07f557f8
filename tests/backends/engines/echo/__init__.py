"""An engine for tests: answers every work with the same ready PNG, and misbehaves when asked to."""
