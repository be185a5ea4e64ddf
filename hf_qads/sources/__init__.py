"""Sources of rows: files, folders, Hub datasets and the catalogue, read into one schema."""

from hf_qads.sources.catalogue import BENCHMARKS, CATALOGUE, lookup
from hf_qads.sources.catalogue.entry import Entry
from hf_qads.sources.reading import read_source
from hf_qads.sources.spec import SourceRead, SourceSpec

__all__ = ["BENCHMARKS", "CATALOGUE", "Entry", "SourceRead", "SourceSpec", "lookup", "read_source"]
