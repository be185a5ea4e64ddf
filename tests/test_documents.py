"""Every code block of the README and the documents runs: Python as it stands, YAML through the schema."""

import json
import re
import shlex
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from hf_qads import schema
from hf_qads.embedded import quickstart_path
from tests.models import tiny_rows

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# What a block takes as at hand: names that the text around it speaks of.
SETUP = {
    "decontamination.md": "from pathlib import Path\nquestions = ['What is 17 plus 25 apples?']",
    "sources.md": "from hf_qads.sources import Entry",
    "selection.md": (
        "from datasets import Dataset\nimport numpy as np\n"
        "ds = Dataset.from_dict({'question': [f'question {i}' for i in range(20_000)], 'qads_score': "
        "np.random.default_rng(0).uniform(1, 5, 20_000)})"
    ),
}


BASE = {
    "name": "shown",
    "model": "embedded",
    "sources": ["embedded_chat"],
    "anchors": {"sources": ["embedded_target"]},
}


def blocks(path: Path, *languages: str) -> list[str]:
    """The fenced blocks of some languages, in order."""
    found = re.findall(r"^```(\w+)\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [text for language, text in found if language in languages]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A folder as the documents' reader has it: a finished run of the embedded pool, files of one's own."""
    from hf_qads.config import loading
    from hf_qads.pipeline.run import run

    folder = tmp_path_factory.mktemp("reader")
    small = yaml.safe_load(quickstart_path().read_text(encoding="utf-8"))
    small |= {"sources": ["embedded_word_problems", "embedded_chat"], "prompts": 24, "experience": None}
    small |= {"anchors": {"sources": ["embedded_target"], "size": 8}}
    (folder / "small.yaml").write_text(yaml.safe_dump(small), encoding="utf-8")
    run(loading.load(folder / "small.yaml"), folder / "runs" / "quickstart", say=lambda line: None)
    for name in ("my_pool.jsonl", "target.jsonl", "data/pool.jsonl", "data/cot.jsonl"):
        (folder / name).parent.mkdir(exist_ok=True)
        rows = [row | {"split": "train", "seen": False} for row in tiny_rows(200, seed=len(name))]
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    rows = tiny_rows(40, seed=9)
    table = pa.table({"ask": [row["question"] for row in rows], "reply": [row["answer"] for row in rows]})
    pq.write_table(table, folder / "other.parquet")
    table = pa.table({key: [row[key] for row in rows] for key in ("question", "answer")})
    ids = [schema.row_id("my_pool", schema.content_key(row["question"], row["answer"])) for row in rows]
    table = table.append_column("row_id", [ids])
    pq.write_table(table, folder / "part-00000.parquet")
    return folder


def named(*languages: str) -> list[Path]:
    """The documents that have such blocks."""
    return [path for path in DOCUMENTS if blocks(path, *languages)]


@pytest.mark.parametrize("path", named("python"), ids=lambda path: path.name)
def test_python_blocks_run_in_their_order_and_print_what_they_show(path, workspace, monkeypatch, capsys):
    monkeypatch.chdir(workspace)
    names: dict[str, object] = {"np": np}
    exec(SETUP.get(path.name, ""), names)
    for text in blocks(path, "python"):
        lines = text.splitlines()
        typed = [line[4:] for line in lines if line.startswith((">>> ", "... "))]
        capsys.readouterr()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "This is the embedded scorer")
            exec(compile("\n".join(typed) if typed else text, path.name, "exec"), names)
        if typed:
            shown = [line for line in lines if line and not line.startswith((">>> ", "... "))]
            assert capsys.readouterr().out.splitlines() == shown


def variants(text: str) -> list[dict]:
    """A block of YAML as configs: lines that give one key several times are alternatives."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    keys = [line.split(":")[0] for line in lines if not line.startswith((" ", "-"))]
    parts = [text] if len(set(keys)) == len(keys) else lines
    return [yaml.safe_load(part) for part in parts]


@pytest.mark.parametrize("path", named("yaml"), ids=lambda path: path.name)
def test_yaml_blocks_are_configs(path, workspace, monkeypatch):
    from hf_qads.config.loading import parse

    monkeypatch.chdir(workspace)
    for text in blocks(path, "yaml"):
        for keys in variants(text):
            rest = {} if "preset" in keys else BASE
            assert parse(rest | keys).sources


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_commands_are_understood_as_they_are_written(path):
    from hf_qads.cli import _parser

    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    for fence in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for command in re.findall(r"^(?:\.venv/bin/)?hf-qads (.*)$", fence, re.MULTILINE):
            _parser().parse_args(shlex.split(command, comments=True))
