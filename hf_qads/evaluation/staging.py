"""A metric as a repository of its own, with the code it needs, so that it works without this package."""

import re
import shutil
from pathlib import Path
from typing import Final

from hf_qads.errors import EvaluationError
from hf_qads.evaluation import metric_path
from hf_qads.runtime import files

REQUIREMENTS: Final = {
    "math_accuracy": ("evaluate", "datasets", "numpy", "math-verify[antlr4_13_2]>=0.9,<0.10"),
    "selection_coverage": ("evaluate", "datasets", "numpy"),
    "scorer_correlation": ("evaluate", "datasets", "numpy"),
}
_PACKAGE = Path(__file__).parents[1]
_OWN = re.compile(r"^from hf_qads(?:\.(answers|statistics))?(?:\.(\w+))? import", re.MULTILINE)
_PAGE = "<!doctype html><title>{name}</title><p>An evaluate metric: see the repository's README."


def stage_metric(name: str, folder: Path | str) -> Path:
    """Write a metric and everything it imports from this package into one flat folder, a Space's content.

    `evaluate.load` copies only the files that the metric's own script names, so it is made to name all.

    Args:
        name: `math_accuracy`, `selection_coverage` or `scorer_correlation`.
        folder: appears whole or not at all; its name should be the metric's.

    Raises:
        EvaluationError: there is no such metric.
    """
    source, folder = Path(metric_path(name)), Path(folder)
    with files.atomic_path(folder) as temporary:
        temporary.mkdir()
        shutil.copy(source / "README.md", temporary / "README.md")
        script = (source / f"{name}.py").read_text(encoding="utf-8")
        modules = _needed(script)
        for module, path in modules.items():
            (temporary / f"{module}.py").write_text(_flat(path.read_text(encoding="utf-8")), encoding="utf-8")
        named = {match[2] for match in _OWN.finditer(script)}
        more = "".join(
            f"from .{module} import __doc__ as _{module}\n" for module in sorted(set(modules) - named)
        )
        head, imports, body = _flat(script).partition("import evaluate\n")
        (temporary / f"{name}.py").write_text(f"{head}{imports}{more}{body}", encoding="utf-8")
        (temporary / "requirements.txt").write_text("\n".join(REQUIREMENTS[name]) + "\n", encoding="utf-8")
        (temporary / "index.html").write_text(_PAGE.format(name=name), encoding="utf-8")
    return folder


def push_metric(name: str, repo: str, *, private: bool = False, token: str | None = None) -> str:
    """Upload a metric with its code as a Space, for `evaluate.load("namespace/name")`.

    Args:
        name: of the metric.
        repo: id of the Space, whose last part must be the metric's name, as `evaluate` looks for it.
        private: whether only the owner sees it.
        token: of the Hub; None takes the one that is logged in.

    Returns:
        The Space's address.

    Raises:
        EvaluationError: there is no such metric, or the Space is named otherwise.
    """
    import tempfile

    from huggingface_hub import HfApi

    if repo.rpartition("/")[2] != name:
        raise EvaluationError(
            f"The Space {repo} must be named NAMESPACE/{name}, as evaluate looks for {name}.py."
        )
    api = HfApi(token=token)
    url = api.create_repo(repo, repo_type="space", space_sdk="static", private=private, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = stage_metric(name, Path(temporary) / name)
        api.upload_folder(
            repo_id=repo, repo_type="space", folder_path=folder, commit_message=f"Upload {name}"
        )
    return str(url)


def _needed(script: str) -> dict[str, Path]:
    """The modules of this package that a script needs, directly or not, by their name in the flat folder."""
    found: dict[str, Path] = {}
    waiting = [script]
    while waiting:
        for shelf, name in _OWN.findall(waiting.pop()):
            folder = _PACKAGE / shelf
            # The answer checker starts workers by name: its modules belong together.
            named = [path.stem for path in sorted(folder.glob("[!_]*.py"))] if shelf == "answers" else [name]
            for module in named:
                if module not in found:
                    found[module] = folder / f"{module}.py"
                    waiting.append(found[module].read_text(encoding="utf-8"))
    return found


def _flat(text: str) -> str:
    return _OWN.sub(lambda match: f"from .{match[2] or ''} import", text)
