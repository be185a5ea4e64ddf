"""Selection strategies, one file each, and their registry."""
