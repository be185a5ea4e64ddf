"""Needs: what a strategy reads, declared beside it, so that a config is refused before any work."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Needs:
    """What a strategy reads. Each strategy's module holds one as `NEEDS`.

    A name in `columns`, `features` or `targets` that is an option of the strategy stands for that option's
    value (an empty value: it is not read); any other name stands for itself.

    Attributes:
        vectors: the rows' vectors must be there.
        scores: the rows' scores must be there; where an option `score` names a column, that column instead.
        start: it looks at the start pool.
        columns: columns of the rows, one number (or name) each.
        features: arrays beside the vectors, or texts.
        targets: the same of target rows; `vectors` are the vectors of the target rows.
    """

    vectors: bool = False
    scores: bool = False
    start: bool = False
    columns: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = ["vectors"] if self.vectors else []
        parts += ["scores"] if self.scores else []
        parts += [f"column {name}" for name in self.columns]
        parts += [f"feature {name}" for name in self.features]
        parts += [f"target {name}" for name in self.targets]
        return ", ".join(parts) or "nothing"
