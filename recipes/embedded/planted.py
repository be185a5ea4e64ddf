"""Planted quality of the rows that each arm of a comparison chose from the embedded pool.

    python recipes/embedded/planted.py runs/embedded-compare

The share of rows whose answer was planted as good, and of every other class, mean over seeds. Also for the
folder of `hf-qads validity`, whose groups are told apart.
"""

import argparse
from collections import Counter
from pathlib import Path

import numpy as np

from hf_qads.embedded import pool
from hf_qads.experiments.cells import CELLS, RESULT
from hf_qads.runfolder import RunFolder
from hf_qads.runtime import files


def main() -> None:
    """Read the finished cells and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="of a comparison")
    parser.add_argument("--run", type=Path, help="the run it chose from (default: FOLDER/run)")
    given = parser.parse_args()
    run = RunFolder.open(given.run or given.folder / "run")
    planted: dict[str, str] = {}
    for source in run.sources():
        known = {(row["question"], row["answer"]): row["planted"] for row in pool.rows(source)}
        for row in run.pool(source).to_pylist():
            planted[row["row_id"]] = known[row["question"], row["answer"]]
    found: dict[str, list[Counter[str]]] = {}
    for path in sorted((given.folder / CELLS).glob(f"*/{RESULT}")):
        result = files.read_json(path)
        if result["row_ids"]:
            cell = result["cell"]
            classes = Counter(planted[row] for row in result["row_ids"])
            found.setdefault(f"{cell['arm']} {cell['budget']}", []).append(classes)
    names = [name for name, _ in Counter(planted.values()).most_common()]
    print(f"| arm | {' | '.join(names)} |\n|---|{'--:|' * len(names)}")
    for arm, cells in found.items():
        shares = [float(np.mean([cell[name] / cell.total() for cell in cells])) for name in names]
        print(f"| {arm.strip()} | {' | '.join(f'{share:.0%}' for share in shares)} |")


if __name__ == "__main__":
    main()
