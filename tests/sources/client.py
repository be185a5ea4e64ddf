"""A process that reads sources from the test Hub."""

import io
import json
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq

READ = """
import json, sys
from pathlib import Path
import pyarrow.parquet as pq
from hf_qads.errors import SourceError
from hf_qads.sources import SourceSpec, read_source

answers = []
for number, spec in enumerate(json.load(sys.stdin)):
    try:
        read = read_source(SourceSpec(**spec), out=Path(sys.argv[1]) / str(number))
        parts = [pq.read_table(path).to_pylist() for path in sorted(read.folder.glob("part-*"))]
        answers.append(read.facts | {"table": sum(parts, [])})
    except SourceError as error:
        answers.append(str(error))
print("ANSWERS" + json.dumps(answers))
"""


def parquet(**columns):
    """A parquet file."""
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def read(hub, tmp_path, specs, **env):
    """The facts of each of `specs` with its rows as `table`, or its error, from a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", READ, str(tmp_path / f"out{len(list(tmp_path.iterdir()))}")],
        input=json.dumps(specs),
        env={**hub.env(tmp_path / "home"), **env},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Retrying" not in done.stderr
    return json.loads(done.stdout.rpartition("ANSWERS")[2])
