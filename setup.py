"""The one build step beside pyproject.toml: a description whose links work away from the repository.

README.md links to files beside it. On the package index's page nothing lies beside it, so there each link
gets the address of `[project.urls] Repository`; without one, only its text stays. The documents themselves
are installed in `share/doc/hf_qads`, in the same places, where README.md works as it is.
"""

import re
import tomllib
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent
DOCUMENTS = "share/doc/hf_qads"
SHIPPED = (
    "*.md",
    "CITATION.cff",
    "docs/**/*",
    "cards/*.md",
    "benchmarks/RESULTS.md",
    "hf_qads/embedded/*/README.md",
)
LINK = re.compile(r"(!?)\[([^\]\n]*)\]\((?!https?://|mailto:|#)([^)\s]+)\)")


def description(readme: str, repository: str | None) -> str:
    """README.md with links that work anywhere: absolute ones, or without a repository none."""

    def absolute(found: re.Match[str]) -> str:
        image, text, path = found.groups()
        if repository is None:
            return f"*{text}*" if image else text
        return f"{image}[{text}]({repository.rstrip('/')}/{'raw' if image else 'blob'}/main/{path})"

    text = LINK.sub(absolute, readme)
    if repository is None:
        text += f"\nThe documents and figures that this page names are installed in `{DOCUMENTS}`.\n"
    return text


def documents() -> list[tuple[str, list[str]]]:
    """By folder of the installation, the files that go there."""
    folders: dict[str, list[str]] = {}
    for pattern in SHIPPED:
        for path in sorted(ROOT.glob(pattern)):
            if path.is_file():
                place = path.relative_to(ROOT)
                folders.setdefault((Path(DOCUMENTS) / place.parent).as_posix(), []).append(place.as_posix())
    return list(folders.items())


if __name__ == "__main__":
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    setup(
        long_description=description(
            (ROOT / "README.md").read_text(encoding="utf-8"), project.get("urls", {}).get("Repository")
        ),
        long_description_content_type="text/markdown",
        data_files=documents(),
    )
