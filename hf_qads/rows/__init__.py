"""Shelf: recognised columns, rendering, token sequences."""
