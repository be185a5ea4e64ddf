"""Contamination summary: which test sets a run's rows were compared with, and what became of repeats."""

from collections.abc import Callable
from dataclasses import dataclass

from hf_qads.publishing.cards.templating import listing
from hf_qads.runfolder import RunFolder


@dataclass(frozen=True)
class ContaminationSummary:
    """A comparison with test sets.

    Attributes:
        benchmarks: those that the rows were compared with.
        missing: those that were asked for and not available.
        rows: how many rows repeat a question.
        dropped: whether these rows were left out.
    """

    benchmarks: tuple[str, ...]
    missing: tuple[str, ...]
    rows: int
    dropped: bool

    def sentence(self, name: Callable[[str], str] = str) -> str:
        """One or two sentences; `name` makes a test set's name fit for where they stand."""
        gone = listing([name(one) for one in self.missing])
        if not self.benchmarks:
            return "The rows were compared with no test set" + (f": {gone} not available." if gone else ".")
        said = f"The rows were compared with the questions of {listing([name(b) for b in self.benchmarks])}: "
        repeating = "1 row that repeats one was" if self.rows == 1 else f"{self.rows:,} that repeat one were"
        said += f"{repeating} {'left out' if self.dropped else 'kept'}." if self.rows else "none repeats one."
        return said + (f" Not compared with {gone}: not available." if gone else "")


def compared(run: RunFolder) -> ContaminationSummary | None:
    """What the run's pool tells of it; None where nothing was written."""
    details = (run.line("pool") or {}).get("details", {})
    if "compared" not in details:
        return None
    found = details["compared"]
    return ContaminationSummary(
        tuple(found["benchmarks"]),
        tuple(run.missing("benchmark")),
        int(found["rows"]),
        bool(found["dropped"]),
    )
