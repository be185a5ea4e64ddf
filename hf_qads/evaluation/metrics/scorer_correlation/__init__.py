"""An evaluate module; see its README."""
