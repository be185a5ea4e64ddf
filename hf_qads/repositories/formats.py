"""File formats of datasets, by suffix: parquet, Arrow, JSON lines, JSON, CSV, TSV, also compressed."""

import bz2
import gzip
import lzma
from io import BufferedReader
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

FORMATS: Final = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".arrow": "arrow",
    ".feather": "arrow",
}
GROUP_ROWS: Final = 10_000  # of a row group, in parquet files that others will read
SHARD_ROWS: Final = 500_000  # of a file of a dataset repository
COMPRESSIONS: Final = (".gz", ".bz2", ".xz", ".zst")
TEXT_FORMATS: Final = ("jsonl", "json", "csv", "tsv")  # those that may be compressed as a whole
KNOWN: Final = f"{', '.join(FORMATS)}, the text formats also with {', '.join(COMPRESSIONS)}"


def suffix_of(path: Path | str) -> str:
    """The suffix that tells a file's format, with the one of its compression: `.jsonl.gz`; lower case."""
    suffixes = [part.lower() for part in Path(path).suffixes]
    return "".join(suffixes[-2:] if suffixes[-1:] and suffixes[-1] in COMPRESSIONS else suffixes[-1:])


def format_of(path: Path | str) -> str | None:
    """One of the values of `FORMATS`; None where the suffix is of no known format."""
    suffix = suffix_of(path)
    for compression in COMPRESSIONS:
        if suffix.endswith(compression):
            found = FORMATS.get(suffix.removesuffix(compression))
            return found if found in TEXT_FORMATS else None
    return FORMATS.get(suffix)


def is_compressed(path: Path | str) -> bool:
    """Whether a file can only be read from its start on."""
    return Path(path).suffix.lower() in COMPRESSIONS


def stem_of(path: Path) -> str:
    """A file's name without the suffixes of its format and compression."""
    return path.name[: len(path.name) - len(suffix_of(path))] if format_of(path) else path.stem


def open_bytes(path: Path) -> BufferedReader:
    """A file's bytes, decompressed by its suffix.

    Raises:
        OSError: it is missing, or not of its compression; a file that was cut raises when it is read
            (`EOFError`, `zlib.error` or `lzma.LZMAError` too).
    """
    stream: Any
    match path.suffix.lower():
        case ".gz":
            stream = gzip.open(path)
        case ".bz2":
            stream = bz2.open(path)
        case ".xz":
            stream = lzma.open(path)
        case ".zst":
            stream = pa.input_stream(str(path), compression="zstd")
        case _:
            return path.open("rb")
    return BufferedReader(stream, 2**20)  # which all of them can be read by
