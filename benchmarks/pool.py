"""Time and memory of a large pool from files to a mixture, with vectors and scores given.

    python benchmarks/pool.py [--rows 500000] [--dim 256] [--folder DIR] [--json]

It writes a generated pool (three sources of questions and answers of some 400 characters, with clustered
vectors and scores as columns), runs `hf-qads run` on it until the mixture, in a process of its own, and
prints time and highest resident memory of each stage as the run's ledger has them. Resident memory counts
the pages of memory-mapped vectors while they are in memory. The pool is left in `--folder` and used again.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

BLOCK = 20_000
WORDS = "of a sum the then we have so each price total number first add take half from to is".split()


def write_source(path: Path, rows: int, dim: int, seed: int) -> None:
    """One parquet file of `rows` rows with the columns that a scored dataset has."""
    draw = np.random.default_rng(seed)
    centers = draw.normal(size=(200, dim)).astype(np.float32)
    schema = pa.schema(
        [
            ("question", pa.string()),
            ("answer", pa.string()),
            ("qads_embedding", pa.list_(pa.float32(), dim)),
            ("qads_score", pa.float32()),
        ]
    )
    temporary = path.with_suffix(".part")
    with pq.ParquetWriter(temporary, schema) as writer:
        for start in range(0, rows, BLOCK):
            n = min(BLOCK, rows - start)
            words = np.array(WORDS, dtype=object)[draw.integers(len(WORDS), size=(n, 80))]
            texts = [" ".join(line) for line in words]
            vectors = centers[draw.integers(200, size=n)]
            vectors = vectors + 0.5 * draw.normal(size=(n, dim)).astype(np.float32)
            columns = [
                pa.array([f"{seed}.{start + i}: {text[:120]}?" for i, text in enumerate(texts)]),
                pa.array(texts),
                pa.FixedSizeListArray.from_arrays(pa.array(vectors.astype(np.float32).ravel()), dim),
                pa.array(draw.uniform(1, 5, n).astype(np.float32)),
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
    os.replace(temporary, path)


def main() -> None:
    """Write the pool where it is not there, run, and print the ledger."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--ratio", type=float, default=0.1)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="qads-pool-"))
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, share in enumerate((0.5, 0.3, 0.2)):
        rows = round(share * given.rows)
        paths.append(folder / f"source_{number}-{rows}-{given.dim}.parquet")
        if not paths[-1].exists():
            write_source(paths[-1], rows, given.dim, number)
    config = {
        "name": "large-pool",
        "model": "embedded",  # named because every run has one; nothing of it is used
        "sources": [{"path": str(path), "name": path.stem.split("-")[0]} for path in paths],
        "vectors": "precomputed",
        "experience": None,
        "scorer": {"type": "precomputed"},
        "ratio": {"rule": "fixed", "value": given.ratio},
    }
    (folder / "run.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    with tempfile.TemporaryDirectory(dir=folder) as out:
        run = Path(out) / "run"
        command = [sys.executable, "-m", "hf_qads", "run", str(folder / "run.yaml"), "--out", str(run)]
        subprocess.run([*command, "--until", "mixture"], check=True, stdout=sys.stderr)
        lines = [json.loads(line) for line in (run / "ledger.jsonl").read_text().splitlines()]
    found = [
        {k: line[k] for k in ("stage", "rows_in", "rows_out", "seconds", "peak_rss_mib")} for line in lines
    ]
    if given.json:
        print(json.dumps({"rows": given.rows, "dim": given.dim, "stages": found}))
        return
    print(f"{'stage':12}{'rows in':>12}{'rows out':>12}{'seconds':>10}{'peak MiB':>10}")
    for line in found:
        print(
            f"{line['stage']:12}{line['rows_in']:>12,}{line['rows_out']:>12,}{line['seconds']:>10.1f}"
            f"{line['peak_rss_mib']:>10,}"
        )
    seconds, peak = sum(line["seconds"] for line in found), max(line["peak_rss_mib"] for line in found)
    print(f"{'all':12}{'':24}{seconds:>10.1f}{peak:>10,}")


if __name__ == "__main__":
    main()
