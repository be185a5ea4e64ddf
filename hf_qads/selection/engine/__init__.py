"""The exact greedy selection engine."""
