"""The table of columns, and the document that is made from it."""

from pathlib import Path

import pyarrow as pa

from hf_qads import schema

DOCUMENT = Path(__file__).parents[1] / "docs" / "columns.md"
BEGIN, END = "<!-- columns -->\n", "<!-- end of columns -->"


def current() -> str:
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    return before + BEGIN + schema.columns_table() + "\n" + END + rest.partition(END)[2]


def test_the_document_shows_the_table_of_columns():
    """After a change of the table: python -m tests.test_schema."""
    assert DOCUMENT.read_text(encoding="utf-8") == current()


def test_a_rows_schema_holds_what_the_pool_makes_and_every_column_says_what_it_is():
    assert schema.ROW_SCHEMA.names[:3] == ["row_id", "question", "answer"]
    for name, column in schema.COLUMNS.items():
        assert (name in schema.ROW_SCHEMA.names) == (column.made_by == "pool" and column.always)
        assert column.meaning
        assert not column.meaning.endswith(".")


def test_numbers_are_integers_and_floats():
    numbers = [name for name, column in schema.COLUMNS.items() if column.always and schema.is_number(column)]
    assert numbers == [
        "qads_influence", "qads_influence_pairs", "qads_influence_low", "qads_influence_high", "qads_score",
        "qads_rank", "qads_gain",
    ]  # fmt: skip
    assert {"ifd", "votes", "round"} <= {n for n, c in schema.COLUMNS.items() if schema.is_number(c)}
    assert not schema.is_number(schema.Column(pa.bool_(), "a flag", "pool"))


if __name__ == "__main__":
    DOCUMENT.write_text(current(), encoding="utf-8")
