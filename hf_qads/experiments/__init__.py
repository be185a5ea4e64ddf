"""Experiments: compare strategies and mixtures by cells that select, train and evaluate."""
