"""Shelf: correlations, confidence intervals, split-half reliability."""
