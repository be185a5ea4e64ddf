"""Cost planning: rows, tokens, passes, hours and disk before anything runs."""
