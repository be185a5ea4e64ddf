"""Generated rows of a run: made of which source by what, how much was verified, and what is not used."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hf_qads.runfolder import RunFolder


@dataclass(frozen=True)
class Step:
    """One way in which text was generated.

    Attributes:
        name: an operator, or whose questions were answered.
        asked: prompts.
        kept: what of it is used.
        verified: kept answers that equal a known one.
    """

    name: str
    asked: int
    kept: int
    verified: int

    @property
    def share(self) -> float | None:
        """Share of the prompts that gave something usable."""
        return self.kept / self.asked if self.asked else None


@dataclass(frozen=True)
class Generated:
    """What was made of one source.

    Attributes:
        source: the source whose rows it was made of.
        name: the source that holds the generated rows.
        generator: what wrote them.
        sampling: how its tokens were drawn.
        licence: of its output, as whoever ran it states.
        rows: generated rows before duplicates and test questions went.
        verified: of these, rows whose answer equals a known one; the others stand on a majority of samples.
        questions: a step per operator and round.
        answers: steps of sampled answers.
        unused: what was generated and is not used: (what, reason, count).
    """

    source: str
    name: str
    generator: str
    sampling: str
    licence: str | None
    rows: int
    verified: int
    questions: tuple[Step, ...]
    answers: tuple[Step, ...]
    unused: tuple[tuple[str, str, int], ...]


def generated(run: RunFolder) -> tuple[Generated, ...]:
    """What a run generated of each source; empty where it has no such stage."""
    line = run.line("augmenting") if run.config().get("augment") else None
    details = line["details"] if line else {"made": {}, "sources": []}
    names = {made["parent"]: made["name"] for made in details["sources"]}
    found = []
    for source, made in details["made"].items():
        answers = _steps(made["paths"])
        unused = [
            (what, reason, count)
            for what, tallies in (("question", made["questions"]), ("answer", made["paths"]))
            for reason, count in sum(
                (Counter(t["left_out"]) for t in tallies.values()), Counter()
            ).most_common()
        ]
        sampling = details["sampling"]
        found.append(
            Generated(
                source=source,
                name=names.get(source, ""),
                generator=details["generator"],
                sampling=f"temperature {sampling['temperature']:g}, top-p {sampling['top_p']:g}, "
                f"at most {sampling['max_tokens']} tokens",
                licence=details["licence"],
                rows=made["rows"],
                verified=sum(step.verified for step in answers),
                questions=_steps(made["questions"]),
                answers=answers,
                unused=tuple(unused),
            )
        )
    return tuple(found)


def _steps(tallies: Mapping[str, Mapping[str, Any]]) -> tuple[Step, ...]:
    return tuple(
        Step(name, tally["asked"], tally["kept"], tally["verified"]) for name, tally in tallies.items()
    )
