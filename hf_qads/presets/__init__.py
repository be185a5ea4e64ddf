"""Presets: the paper's settings as configs, and its printed counts."""
