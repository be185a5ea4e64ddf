"""Shelf: recognised columns, conversations, chat templates, rendering, token sequences, forward passes."""
