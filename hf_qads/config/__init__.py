"""The checked YAML config of a run: its schema, and loading with presets, overrides and local files."""
