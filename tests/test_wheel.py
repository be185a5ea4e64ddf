"""The wheel that this tree gives: a description whose links work on the index, and the documents in it."""

import email
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PARTS = ("setup.py", "pyproject.toml", "LICENSE", "CITATION.cff", "docs", "cards", "benchmarks", "hf_qads")
LINKS = re.compile(r"!?\[[^\]\n]*\]\(([^)\s]+)\)")
BUILD = "import sys; from setuptools import build_meta; print(getattr(build_meta, sys.argv[1])(sys.argv[2]))"


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """The project without its tests, where building may leave files."""
    folder = tmp_path_factory.mktemp("tree") / "hf_qads"
    folder.mkdir()
    for path in [*(ROOT / name for name in PARTS), *ROOT.glob("*.md")]:
        if path.is_dir():
            shutil.copytree(path, folder / path.name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, folder / path.name)
    return folder


def built(tree, hook, out):
    """Call a hook of the build backend, as pip and build do, without the network."""
    out.mkdir()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", BUILD, hook, str(out)],
        cwd=tree, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out / done.stdout.split()[-1]


def links(text):
    return [link for link in LINKS.findall(text) if not link.startswith("#")]


def test_the_wheel_says_nothing_that_leads_nowhere_and_brings_what_it_names(tree, tmp_path):
    with zipfile.ZipFile(built(tree, "build_wheel", tmp_path / "dist")) as wheel:
        names = wheel.namelist()
        metadata = wheel.read(next(name for name in names if name.endswith("/METADATA"))).decode()
    told = email.message_from_string(metadata)
    assert told["Description-Content-Type"] == "text/markdown"
    text = told.get_payload()
    assert all(link.startswith("https://") for link in links(text))
    assert "*Mean quality score per source*" in text
    assert "are installed in `share/doc/hf_qads`" in text
    installed = next(name for name in names if name.endswith("share/doc/hf_qads/README.md"))
    base = installed.removesuffix("README.md")
    relative = [link for link in links((ROOT / "README.md").read_text("utf-8")) if "://" not in link]
    assert {f"{base}{link}" for link in relative} <= set(names)
    assert "docs/figures/scores_by_source.png" in relative


def test_with_a_public_address_every_link_of_the_description_leads_there(tree, tmp_path):
    project = tree / "pyproject.toml"
    plain = project.read_text("utf-8")
    urls = '[project.urls]\nRepository = "https://example.org/me/hf_qads"\n\n[project.scripts]'
    project.write_text(plain.replace("[project.scripts]", urls), "utf-8")
    try:
        metadata = built(tree, "prepare_metadata_for_build_wheel", tmp_path / "info") / "METADATA"
    finally:
        project.write_text(plain, "utf-8")
    told = email.message_from_string(metadata.read_text("utf-8"))
    text = told.get_payload()
    own = "https://example.org/me/hf_qads"
    assert told["Project-URL"] == f"Repository, {own}"
    assert f"![Mean quality score per source]({own}/raw/main/docs/figures/scores_by_source.png)" in text
    assert f"[concepts]({own}/blob/main/docs/concepts.md)".lower() in text.lower()
    assert all(link.startswith("https://") for link in links(text))
    assert "are installed in" not in text
