"""Deduplication (exact, MinHash) and decontamination of rows against test sets."""
