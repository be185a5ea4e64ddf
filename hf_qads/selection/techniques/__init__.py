"""What several strategies are built from: turns, spacing, clusters, transformed vectors."""
