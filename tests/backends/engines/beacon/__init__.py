"""An engine elsewhere for tests: lines of JSON over a socket to a lighthouse that the test runs."""
