"""Programs for `fnn.check_compiled`: right ones and such that are compiled wrongly."""
