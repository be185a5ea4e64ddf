"""Reading a pool against `Dataset.map` with the same number of processes: time, and peak resident memory.

    python benchmarks/reading.py --rows 2000000 --processes 1 2

A pool of JSON lines is generated (instruction, input, output, about 500 bytes a row, 2 % exact duplicates,
1 % blank answers). Each run is a process of its own; its CPU time and peak resident memory are taken with
those of its workers. `Dataset.map` does the same work as the reader: joins instruction and input, drops
blank rows, adds row ids, source and kind, and writes parquet as `to_parquet` does (snappy, which costs less
time and more disk than the reader's zstd); it does not look for duplicates.
"""

import argparse
import hashlib
import json
import random
import resource
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil

WORDS = "the sum of two even numbers is always a multiple prime factor find how many ways are there".split()
FOLDER = Path("runs/benchmark-reading")


def generate(path: Path, rows: int) -> None:
    """Write the pool, once."""
    if path.exists():
        return
    draw = random.Random(0)
    lines: list[str] = []
    with path.with_suffix(".part").open("w", encoding="utf-8") as stream:
        for number in range(rows):
            if lines and draw.random() < 0.02:
                stream.write(draw.choice(lines))
                continue
            text = " ".join(draw.choices(WORDS, k=90))
            row = {
                "instruction": f"Problem {number}: {text[:150]}",
                "input": text[150:200] if number % 3 == 0 else "",
                "output": "" if draw.random() < 0.01 else text[200:],
                "meta": {"level": number % 5},
            }
            line = json.dumps(row) + "\n"
            stream.write(line)
            if len(lines) < 1000:
                lines.append(line)
    path.with_suffix(".part").replace(path)


def read(path: Path, out: Path, processes: int) -> int:
    """The reader."""
    from hf_qads.sources import SourceSpec, read_source

    return read_source(SourceSpec(str(path)), out=out, processes=processes).rows


def _row(row: dict) -> dict:
    more = row["input"]
    question = f"{row['instruction']}\n\n{more}" if more.strip() else row["instruction"]
    answer = row["output"]
    digest = hashlib.blake2b(f"{question}\0{answer}".encode(), digest_size=16).hexdigest()
    return {
        "row_id": f"pool-{digest}",
        "question": question,
        "answer": answer,
        "source": "pool",
        "kind": "reasoning",
    }


def _rows(batch: dict) -> dict:
    rows = [
        _row({"instruction": i, "input": m, "output": o})
        for i, m, o in zip(batch["instruction"], batch["input"], batch["output"], strict=True)
        if i.strip() and o.strip()
    ]
    return {name: [row[name] for row in rows] for name in ("row_id", "question", "answer", "source", "kind")}


def map_rows(path: Path, out: Path, processes: int, *, batched: bool) -> int:
    """What one would write with `datasets`."""
    from datasets import load_dataset

    out.mkdir(parents=True)
    workers = processes if processes > 1 else None
    data = load_dataset(
        "json", data_files=str(path), split="train", cache_dir=str(out / "cache"), num_proc=workers
    )
    columns = data.column_names
    if batched:
        data = data.map(_rows, batched=True, remove_columns=columns, num_proc=workers)
    else:
        data = data.map(_row, remove_columns=columns, num_proc=workers)
        data = data.filter(lambda row: bool(row["answer"].strip()), num_proc=workers)
    data.to_parquet(str(out / "pool.parquet"))
    return len(data)


def worker(kind: str, path: Path, out: Path, processes: int) -> None:
    """One measured run."""
    if kind == "hf_qads":
        rows = read(path, out, processes)
    else:
        rows = map_rows(path, out, processes, batched=kind == "map, batched")
    print(rows)


def measure(kind: str, path: Path, processes: int) -> dict[str, object]:
    """Seconds and peak resident memory of a run and all its processes."""
    out = FOLDER / "out"
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, __file__, "--worker", kind, "--file", str(path), "--out", str(out)]
    used, start = _cpu_seconds(), time.perf_counter()
    run = subprocess.Popen(
        [*command, "--processes", str(processes)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    peak, done = [0.0, 0.0], threading.Event()

    def watch() -> None:
        """Resident memory, and what of it is not the page cache's (mapped files count as resident)."""
        while not done.wait(0.1):
            try:
                family = [psutil.Process(run.pid), *psutil.Process(run.pid).children(recursive=True)]
                held = [process.memory_info() for process in family]
            except psutil.Error:
                continue
            peak[0] = max(peak[0], sum(memory.rss for memory in held))
            peak[1] = max(peak[1], sum(memory.rss - memory.shared for memory in held))

    thread = threading.Thread(target=watch)
    thread.start()
    output, errors = run.communicate()
    seconds = time.perf_counter() - start
    done.set()
    thread.join()
    if run.returncode:
        raise SystemExit(errors)
    shutil.rmtree(out, ignore_errors=True)
    return {
        "way": kind,
        "processes": processes,
        "rows": int(output.split()[-1]),
        "seconds": round(seconds, 1),
        "CPU seconds": round(_cpu_seconds() - used, 1),
        "peak resident MiB": round(peak[0] / 2**20),
        "of it private MiB": round(peak[1] / 2**20),
    }


def _cpu_seconds() -> float:
    """CPU time of all processes that ended so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--ways", nargs="+", default=["hf_qads", "map, batched", "map"])
    parser.add_argument("--worker")
    parser.add_argument("--file", type=Path)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    if arguments.worker:
        worker(arguments.worker, arguments.file, arguments.out, arguments.processes[0])
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"pool-{arguments.rows}.jsonl"
    generate(path, arguments.rows)
    print(f"{arguments.rows:,} rows, {path.stat().st_size / 2**20:,.0f} MiB of JSON lines")
    header = None
    for processes in arguments.processes:
        for way in arguments.ways:
            line = measure(way, path, processes)
            if header is None:
                header = list(line)
                print("| " + " | ".join(header) + " |\n|" + "---|" * len(header))
            print("| " + " | ".join(str(line[name]) for name in header) + " |", flush=True)


if __name__ == "__main__":
    main()
