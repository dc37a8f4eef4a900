"""Programs for `fnn.check_compiled`: right ones, and programs that are compiled wrongly."""
