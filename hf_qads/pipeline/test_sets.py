"""Test sets by name: the embedded problems, files of a folder, or the catalogue's downloads."""

from collections.abc import Mapping
from pathlib import Path

from hf_qads.embedded import pool
from hf_qads.errors import EvaluationError
from hf_qads.evaluation.benchmarks import BENCHMARKS, Benchmark, find_benchmark
from hf_qads.evaluation.items import Item, items_of, read_rows
from hf_qads.repositories.formats import FORMATS, KNOWN, format_of, stem_of
from hf_qads.runtime.models import EMBEDDED


def read_test_set(
    name: str,
    *,
    data: Path | str | None = None,
    local_files: Mapping[str, str] | None = None,
    rows: int | None = None,
    seed: int = 0,
    cache: Path = Path("runs/evaluation/test_sets"),
) -> list[Item]:
    """The questions of a test set.

    Args:
        name: `embedded`, its parts `embedded_words` and `embedded_numbers`, or one of the nine of the paper
            (`gsm8k`, also by its entry in the catalogue, `gsm8k_test`).
        data: a folder with NAME.parquet, NAME.jsonl.gz or any other known format.
        local_files: catalogue name -> file or folder that stands in for it.
        rows: take the first so many; of the embedded problems, make so many.
        seed: of the embedded problems.
        cache: where the catalogue's downloads are kept.

    Raises:
        EvaluationError: there is no such test set, or the folder does not hold it.
    """
    name = benchmark_name(name)
    if name.startswith(EMBEDDED):
        return items_of(pool.evaluation_rows(rows or 500, seed, name=name), name)
    known = find_benchmark(name)
    local = (local_files or {}).get(known.source)
    if local is not None:
        return items_of(read_rows(local), known.name, limit=rows)
    if data is not None:
        return items_of(read_rows(_file(known, Path(data))), known.name, limit=rows)
    from hf_qads.sources import SourceSpec, read_source

    folder = cache / known.name
    read_source(SourceSpec(known.source), out=folder)
    found = [row for path in sorted(folder.glob("part-*.parquet")) for row in read_rows(path)]
    return items_of(found, known.name, limit=rows)


def benchmark_name(name: str) -> str:
    """A test set's own name, also for that of its entry in the catalogue.

    Raises:
        EvaluationError: there is no such test set.
    """
    if name in pool.EVALUATION:
        return name
    by_source = {known.source: known.name for known in BENCHMARKS.values()}
    return find_benchmark(by_source.get(name, name)).name


def _file(known: Benchmark, folder: Path) -> Path:
    held = [path for path in sorted(folder.glob("*")) if path.is_file() and format_of(path)]
    held.sort(key=lambda path: list(FORMATS.values()).index(format_of(path) or ""))
    for stem in (known.name, *known.files):
        found = next((path for path in held if stem_of(path) == stem), None)
        if found is not None:
            return found
    raise EvaluationError(
        f"{folder} holds no {known.name}.parquet, and none of another known format ({KNOWN}). Add it, or "
        "leave out data."
    )
