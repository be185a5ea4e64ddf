"""Catalogue entries that the paper does not use."""

import pytest

from hf_qads.errors import SourceError
from hf_qads.rows.columns import Pair
from hf_qads.sources import SourceSpec, lookup, read_source
from hf_qads.sources.catalogue import FURTHER, describe, names


def test_pools_beside_the_papers_are_catalogue_names_and_read_their_example_rows():
    assert list(FURTHER) == ["gpteacher_codegen", "gpteacher_toolformer", "p3"]
    assert set(FURTHER) <= set(names())
    for name, entry in FURTHER.items():
        assert lookup(name) is entry
        assert [len(entry.to_rows(raw)) for raw in entry.examples] == [1, 1, 1]
        assert entry.citation.startswith("@")
        assert len([note for note in entry.notes if note.startswith("Seen: ")]) == 1
        assert describe(name).count(" Q: ") == 3
    asked = FURTHER["gpteacher_codegen"].to_rows(FURTHER["gpteacher_codegen"].examples[1])
    assert asked == [Pair(None, "Double a number in C.\n\nint x", "x * 2;")]
    with pytest.raises(SourceError, match=r"p3 has no copy on the Hub\. Get it from https"):
        read_source(SourceSpec("p3"), out=None)
