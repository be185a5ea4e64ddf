"""Metrics as modules of `evaluate`."""
