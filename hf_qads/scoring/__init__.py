"""Scores of rows: real influence, labels, and models that predict it."""
