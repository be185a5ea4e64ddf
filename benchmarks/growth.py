"""Growth of selection with the number of rows, each size in a process of its own, as a table in Markdown.

    python benchmarks/growth.py                                  # 1, 2, 5 and 10 million rows, 1 % picked
    python benchmarks/growth.py --rows 100000 200000 --dim 64    # in a minute

The vectors are those of `selection.py`: float16, in a file that is kept in `--folder`. Growth is the exponent
between a row of the table and the one before: 1 is linear, 2 that of the plain loop.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

SELECTION = Path(__file__).with_name("selection.py")


def measure(rows: int, given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run one size; what `selection.py --json` reports."""
    asked = {
        "--rows": rows,
        "--dim": given.dim,
        "--size": max(1, round(rows * given.share)),
        "--dtype": "float16",
        "--threads": given.threads,
        "--folder": folder,
        "--plain-picks": 0,
    }
    flags = [str(part) for pair in asked.items() for part in pair]
    done = subprocess.run(
        [sys.executable, str(SELECTION), *flags, "--memmap", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure and print, a line as soon as it is there."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 2_000_000, 5_000_000, 10_000_000])
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--share", type=float, default=0.01, help="of the rows that is picked")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="for the vectors (default: one that is removed)")
    given = parser.parse_args()
    print("| rows | picks | seconds | processor seconds | growth | distances in full | estimated | memory |")
    print("|--:|--:|--:|--:|--:|--:|--:|--:|")
    before: tuple[int, float] | None = None
    with tempfile.TemporaryDirectory() as scratch:
        for rows in given.rows:
            found = measure(rows, given, given.folder or Path(scratch))
            busy = found["engine, processor seconds"]
            growth = (
                "" if before is None else f"{math.log(busy / before[1]) / math.log(rows / before[0]):.2f}"
            )
            before = rows, busy
            seconds = found["engine, seconds"]
            print(
                f"| {rows:,} | {found['size']:,} | {seconds:,.1f} | {busy:,.1f} | {growth} | "
                f"{found['distances in full, share']:.2%} | {found['distances estimated, share']:.2%} | "
                f"{found['anonymous memory at peak, MiB']:,} MiB |",
                flush=True,
            )


if __name__ == "__main__":
    main()
