"""Artefacts: every kind of repository that a run can give, in order of pushing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from hf_qads.publishing.cards.common import slug
from hf_qads.publishing.facts.gathering import Gathered
from hf_qads.publishing.hub import staging_datasets, staging_models
from hf_qads.publishing.space import staging as staging_space

RepoKind = Literal["dataset", "model", "space"]


@dataclass(frozen=True)
class Artefact:
    """A kind of repository.

    Attributes:
        name: what stands behind the run's name in the repository's.
        kind: of the repository on the Hub.
        present: what of it a run has: nothing, one part, or several that get a repository each.
        build: writes the repository of a part into a folder; is given the run, the folder, the repository's
            name and the part.
    """

    name: str
    kind: RepoKind
    present: Callable[[Gathered], Sequence[str]]
    build: Callable[[Gathered, Path, str, str], None]

    def repositories(self, gathered: Gathered) -> list[tuple[str, str]]:
        """Name and part of each repository that a run gives."""
        parts = self.present(gathered)
        name = f"{slug(gathered.facts.name)}{self.name}"
        return [(f"{name}-{slug(part)}" if len(parts) > 1 else name, part) for part in parts]


def _always(gathered: Gathered) -> Sequence[str]:
    return [""]


def _scored(gathered: Gathered) -> Sequence[str]:
    return [""] if gathered.facts.score_column else []


def _model(gathered: Gathered) -> Sequence[str]:
    return [""] if staging_models.has_model(gathered.run) else []


def _scorers(gathered: Gathered) -> Sequence[str]:
    return staging_models.scorer_groups(gathered.run)


ARTEFACTS: Final[tuple[Artefact, ...]] = (
    Artefact("", "dataset", _always, staging_datasets.mixture),
    Artefact("-scored", "dataset", _scored, staging_datasets.scored),
    Artefact("-scorer", "model", _scorers, staging_models.scorer),
    Artefact("-model", "model", _model, staging_models.model),
    Artefact("-space", "space", _scored, staging_space.space),
)
