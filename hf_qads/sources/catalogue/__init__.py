"""Datasets by name: the paper's sources and test sets, further pools, and entries of other packages."""

from hf_qads.sources.catalogue.entry import Entry
from hf_qads.sources.catalogue.registry import BENCHMARKS, CATALOGUE, FURTHER, find, hint, lookup, names
from hf_qads.sources.catalogue.text import describe, table

__all__ = [
    "BENCHMARKS",
    "CATALOGUE",
    "FURTHER",
    "Entry",
    "describe",
    "find",
    "hint",
    "lookup",
    "names",
    "table",
]
