"""Facts of a run folder that reports and cards may state."""
