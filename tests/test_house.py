"""What a person types first works: pins, make targets, container, commands in the documents."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PINS = {
    canonicalize_name(name): version
    for name, version in re.findall(
        r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE
    )
}
EXTRAS = PROJECT["optional-dependencies"]
NOT_INSTALLED_HERE = {"cpu", "gpu"}  # one or the other, by the user's choice
REQUIREMENTS = [
    *PROJECT["dependencies"],
    *(text for extra, texts in EXTRAS.items() if extra not in NOT_INSTALLED_HERE for text in texts),
]


@pytest.mark.parametrize("text", REQUIREMENTS)
def test_every_dependency_has_an_exact_version_within_its_range(text):
    requirement = Requirement(text)
    pin = PINS.get(canonicalize_name(requirement.name))
    assert pin is not None, f"{requirement.name} is not in constraints.txt"
    assert requirement.specifier.contains(pin)


def test_both_readme_commands_install_with_the_same_constraints():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "install -q -c constraints.txt" in makefile
    for target in ("quickstart", "test"):
        assert re.search(rf"^{target}: install$", makefile, re.MULTILINE)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make quickstart" in readme
    assert "make test" in readme
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def pip_lines() -> list[list[str]]:
    """Arguments of every `pip install` of the container recipe."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    return [line.split() for line in re.findall(r"^RUN pip install (.*)$", text, re.MULTILINE)]


def test_the_container_uses_the_constraints_and_extras_that_are_there_and_no_root():
    assert len(pip_lines()) == 2
    for arguments in pip_lines():
        assert arguments[arguments.index("-c") + 1] == "constraints.txt"
        for extras in re.findall(r"\[([\w,]+)\]", " ".join(arguments)):
            assert set(extras.split(",")) <= set(EXTRAS)
    recipe = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert recipe.index("USER qads") < recipe.index("pip install")


@pytest.mark.slow
@pytest.mark.parametrize("arguments", pip_lines(), ids=lambda arguments: arguments[-1].strip("'"))
def test_the_pip_lines_of_the_container_resolve(arguments):
    """Needs the package index; what is installed already counts as resolved."""
    wanted = [argument.strip("'") for argument in arguments if argument != "--no-cache-dir"]
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "-q", *wanted]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode and ("ConnectionError" in done.stderr or "Could not fetch" in done.stderr):
        pytest.skip("the package index cannot be reached")
    assert done.returncode == 0, done.stderr


def documents() -> list[Path]:
    """All documents that a user reads."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_links_and_files_that_documents_name_are_there(path):
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)[^)]*\)", text):
        assert (path.parent / target).exists(), f"{path.name} links to {target}"
    for named in re.findall(r"\b((?:recipes|benchmarks)/[\w/]+\.(?:py|yaml))", text):
        assert (ROOT / named).exists(), f"{path.name} names {named}"


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_commands_that_documents_name_are_there(path):
    from hf_qads.cli import _parser

    known = next(action for action in _parser()._actions if action.choices).choices
    for named in re.findall(r"(?:^|`|\s)hf-qads ([a-z]+)", path.read_text(encoding="utf-8"), re.MULTILINE):
        if named in known or named in {"lies"}:
            continue
        raise AssertionError(f"{path.name} names hf-qads {named}")
