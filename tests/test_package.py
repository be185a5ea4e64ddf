import ast
import graphlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import hf_qads
from hf_qads import errors

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


SHELVES = {"answers", "generation", "neighbours", "repositories", "rows", "runtime", "statistics"}
ROOMS = {
    "augmenting", "embedded", "embedding", "evaluation", "filtering", "mixing", "presets", "publishing",
    "scoring", "selection", "sources", "training",
}  # fmt: skip
# What ships inside the package is at hand for the rooms that show it by name; presets check their counts by
# the rules of ratios.
ALLOWED = {"runtime": {"embedded"}, "sources": {"embedded"}, "scoring": {"embedded"}, "presets": {"mixing"}}
JOINERS = {"pipeline", "experiments", "cli", "config"}


def imported(file: Path) -> set[str]:
    """The first-level modules and packages of hf_qads that a file imports, within functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "hf_qads":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("hf_qads."):
            found.add(str(node.module).split(".")[1])
    return found


def test_rooms_import_shelves_and_never_each_other_and_shelves_no_room():
    for folder in sorted(SHELVES | ROOMS):
        refused = (ROOMS | JOINERS) - {folder}
        for file in sorted((ROOT / "hf_qads" / folder).rglob("*.py")):
            wrong = imported(file) & refused - ALLOWED.get(folder, set())
            assert not wrong, f"{file.relative_to(ROOT)} imports {wrong}"


def test_every_folder_of_the_package_is_a_shelf_a_room_or_a_joiner():
    folders = {path.parent.name for path in (ROOT / "hf_qads").glob("*/__init__.py")}
    assert folders <= SHELVES | ROOMS | JOINERS


def test_no_folder_holds_more_than_20_modules():
    for folder in {file.parent for file in (ROOT / "hf_qads").rglob("*.py")}:
        modules = [file for file in folder.glob("*.py") if file.name != "__init__.py"]
        assert len(modules) <= 20, f"{folder.relative_to(ROOT)} holds {len(modules)} modules"


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
                found = (named & set(files)) or ({node.module} & set(files))
                packages = {
                    name.rsplit(".", depth)[0] for name in found for depth in range(1, name.count("."))
                }
                inside = {package for package in packages if f"{module}.".startswith(f"{package}.")}
                needs[module] |= found | (packages - inside)
    graphlib.TopologicalSorter(needs).prepare()  # which raises with the circle


def test_only_joiners_know_the_config():
    for file in sorted((ROOT / "hf_qads").rglob("*.py")):
        inside = file.relative_to(ROOT / "hf_qads")
        if inside.parts[0] in ("pipeline", "experiments", "cli.py", "config"):
            continue
        assert "hf_qads.config" not in file.read_text(encoding="utf-8"), inside


def test_no_file_is_over_400_lines():
    for file in sorted(ROOT.glob("hf_qads/**/*.py")):
        assert len(file.read_text(encoding="utf-8").splitlines()) <= 400, file


def test_the_tree_of_exceptions_draws_all_of_them_as_they_inherit():
    drawn: dict[str, str] = {}
    above = ["QaDSError"]
    for bars, name in re.findall(r"^    ([│ ]*)[├└]── (\w+)", str(errors.__doc__), re.MULTILINE):
        above[len(bars) // 4 + 1 :] = [name]
        drawn[name] = above[-2]
    assert drawn == {
        name: found.__bases__[0].__name__
        for name, found in vars(errors).items()
        if isinstance(found, type) and issubclass(found, Exception) and name != "QaDSError"
    }


def test_exceptions_are_defined_in_one_module():
    for file in sorted((ROOT / "hf_qads").rglob("*.py")):
        if file.name != "errors.py":
            assert not re.search(
                r"^class \w+\(\w*(?:Error|Missing)\)", file.read_text(encoding="utf-8"), re.M
            ), file
