"""Complete local repositories out of a run folder, one per artefact, ready to check and to push."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from hf_qads.errors import PublishingError
from hf_qads.publishing.artefacts import ARTEFACTS, RepoKind
from hf_qads.publishing.facts.gathering import gather
from hf_qads.publishing.hub.checking import check
from hf_qads.publishing.hub.remote import write_mark
from hf_qads.runfolder import RunFolder
from hf_qads.runtime.files import atomic_path, remove


@dataclass(frozen=True)
class Staged:
    """A repository on disk: what kind it is, its name without namespace, and where it lies."""

    kind: RepoKind
    name: str
    folder: Path

    @property
    def bytes(self) -> int:
        """Size of its files."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


def stage(run: RunFolder | Path | str, out: Path | str | None = None) -> Path:
    """Make a complete local repository of each artefact of a run.

    Mixture `NAME`, pool with scores `NAME-scored`, scorers `NAME-scorer` (or `NAME-scorer-GROUP`), fine-tuned
    model `NAME-model` and Space `NAME-space`, as far as the run has them. Each is checked.

    Args:
        run: a run folder with a finished mixture.
        out: folder for the repositories; None is `publish/` of the run.

    Returns:
        the folder that holds them.

    Raises:
        PublishingError: the run has no mixture, or a repository is not complete.
    """
    run = run if isinstance(run, RunFolder) else RunFolder.open(run)
    out = run.folder("publish") if out is None else Path(out)
    stage_all(run, out)
    return out


def stage_all(run: RunFolder, out: Path, *, namespace: str | None = None) -> list[Staged]:
    """`stage`, for a namespace whose name stands in the cards; returns what was staged, in order of pushing.

    Cost: the pool's texts once, and the files' size on disk; large files are linked, not copied, where the
    file system can.
    """
    if not any((run.path / "mixture").rglob("*.parquet")):
        raise PublishingError(
            f"{run.path} has no finished mixture to publish. Let the run finish: hf-qads run."
        )
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".drawing-") as drawing:
        gathered = gather(run, Path(drawing), namespace=namespace)
        todo = [(one, *named) for one in ARTEFACTS for named in one.repositories(gathered)]
        staged = []
        for one, name, part in tqdm(todo, desc="staging", unit="repository", disable=None, leave=False):
            with atomic_path(out / name) as folder:
                folder.mkdir()
                one.build(gathered, folder, name, part)
                write_mark(folder)
                problems = check(folder)
                if problems:
                    raise PublishingError(
                        f"{name} is not complete: {'; '.join(problems)}. Nothing was pushed."
                    )
            staged.append(Staged(one.kind, name, out / name))
    _forget(out, {one.name for one in staged})
    return staged


def _forget(out: Path, names: set[str]) -> None:
    """Remove repositories that an earlier staging of the same run left here."""
    for path in out.iterdir():
        if path.is_dir() and path.name not in names and (path / "README.md").is_file():
            remove(path)
