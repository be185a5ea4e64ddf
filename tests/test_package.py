import ast
import graphlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import hf_qads

ROOT = Path(__file__).parents[1]


def test_every_public_name_can_be_imported_and_the_list_is_sorted():
    assert hf_qads.__all__ == sorted(hf_qads.__all__)
    for name in hf_qads.__all__:
        assert getattr(hf_qads, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        hf_qads.nothing  # noqa: B018


def test_import_and_help_load_no_heavy_library():
    code = (
        "import sys, hf_qads, hf_qads.cli\n"
        "try:\n    hf_qads.cli.main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'transformers', 'datasets', 'trl', 'peft', 'evaluate', 'faiss', 'gradio'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_stage_folders_never_import_each_other():
    stages = {
        "sources", "augmenting", "embedding", "scoring", "selection", "mixing", "training", "evaluation",
        "publishing",
    }  # fmt: skip
    for stage in sorted(stages):
        for file in sorted((ROOT / "hf_qads" / stage).rglob("*.py")):
            text = file.read_text(encoding="utf-8")
            imported = re.findall(r"^\s*(?:from|import) hf_qads\.(\w+)", text, re.MULTILINE)
            beside = re.findall(r"^\s*from hf_qads import ([\w, ]+)", text, re.MULTILINE)
            names = {*imported, *(name for line in beside for name in line.replace(" ", "").split(","))}
            assert not names & (stages - {stage}), f"{file} imports {names & (stages - {stage})}"


def test_no_modules_import_each_other_in_a_circle():
    """Imports within functions count too: they would only hide it."""
    files = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file
        for file in (ROOT / "hf_qads").rglob("*.py")
    }
    needs: dict[str, set[str]] = {}
    for module, file in files.items():
        needs[module] = set()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                named = {f"{node.module}.{alias.name}" for alias in node.names}
                needs[module] |= (named & set(files)) or ({node.module} & set(files))
    graphlib.TopologicalSorter(needs).prepare()  # which raises with the circle


def test_only_pipeline_and_command_line_know_the_config():
    for file in sorted((ROOT / "hf_qads").rglob("*.py")):
        inside = file.relative_to(ROOT / "hf_qads")
        if inside.parts[0] in ("pipeline", "cli.py", "config.py", "commands"):
            continue
        assert "hf_qads.config" not in file.read_text(encoding="utf-8"), inside


def test_no_file_is_over_400_lines():
    for file in sorted(ROOT.glob("hf_qads/**/*.py")):
        assert len(file.read_text(encoding="utf-8").splitlines()) <= 400, file
