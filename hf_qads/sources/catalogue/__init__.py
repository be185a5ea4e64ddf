"""Datasets by name: the paper's sources and test sets, embedded pools, entries of other packages."""

from hf_qads.sources.catalogue.entry import Entry
from hf_qads.sources.catalogue.registry import BENCHMARKS, CATALOGUE, find, hint, lookup, names
from hf_qads.sources.catalogue.text import describe, table

__all__ = ["BENCHMARKS", "CATALOGUE", "Entry", "describe", "find", "hint", "lookup", "names", "table"]
