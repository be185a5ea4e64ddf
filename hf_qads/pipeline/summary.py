"""Summary of a run: what it prints at its end, and what `hf-qads status` prints at any time."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from hf_qads.errors import ConfigError, RunError
from hf_qads.pipeline.stages.anchors import PASSED_OVER
from hf_qads.pipeline.stages.selection import RATIOS
from hf_qads.publishing.cards.limits import WEAK
from hf_qads.publishing.facts.contamination import compared
from hf_qads.publishing.facts.facts import agreements
from hf_qads.repositories.folders import sentence
from hf_qads.runfolder import RunFolder
from hf_qads.runtime.array_parts import missing
from hf_qads.runtime.files import read_json


def conclusion(run: RunFolder) -> str:
    """The table of a finished run (rows, left out, mean score, ratio, kept) and what to do next."""
    chosen = read_json(run.folder("selection") / RATIOS)
    left_out = _left_out(run)
    lines = []
    for source, kind in run.kinds().items():
        size = chosen["sizes"][source]
        lines.append(
            (
                source,
                kind,
                f"{size:,}",
                f"{left_out.get(source, 0):,}",
                f"{chosen['means'][source]:.2f}",
                f"{chosen['ratios'][source]:.0%}",
                f"{chosen['kept'][source]:,}",
            )
        )
    total = sum(chosen["kept"].values())
    lines.append(
        ("all", "", f"{sum(chosen['sizes'].values()):,}", f"{sum(left_out.values()):,}", "", "", f"{total:,}")
    )
    header = ("source", "kind", "rows", "left out", "mean score", "ratio", "kept")
    mixture = run.folder("mixture")
    subset = next(
        (name for name in (run.line("mixture") or {"details": {}})["details"].get("subsets", ())), None
    )
    load = f'load_dataset("{mixture}"' + (f', "{subset}", split="train")' if subset else ', split="train")')
    report = run.folder("report") / "report.html"
    missing = run.missing("source")
    without = [f"Not available: {', '.join(missing)}", ""] if missing else []
    without += [f"Passed over: {', '.join(passed)}", ""] if (passed := _passed_over(run)) else []
    tested = compared(run) if run.config().get("decontaminate") else None  # who does not ask need not be told
    parts = [
        "",
        aligned([header, *lines], right=range(2, 7)),
        "",
        *without,
        *([tested.sentence(), ""] if tested else []),
        *_trust(run),
        f"The mixture: {mixture} ({total:,} rows), its card: {mixture / 'README.md'}",
        f"Load it:     from datasets import load_dataset; {load}",
    ]
    if report.exists():
        parts.append(f"The report:  {report}")
    return "\n".join(parts)


def _trust(run: RunFolder) -> list[str]:
    """How the scorers' predictions agree with measured scores of rows that they never saw."""
    groups = ((run.line("scorer") or {}).get("details") or {}).get("groups", {})
    known = agreements(run)
    lines = []
    for group in groups:
        found = known.get(group)
        if found is None or found.pearson is None:
            lines.append(f"The scorer {group}: too few held-out rows to say how far it can be trusted.")
            continue
        weak = " Do not trust it: it says little about a row." if found.pearson < WEAK else ""
        interval = f"[{found.pearson_low:.2f}, {found.pearson_high:.2f}]"
        lines.append(
            f"The scorer {group}: Pearson {found.pearson:.2f} {interval} on {found.n} held-out rows.{weak}"
        )
    return [*lines, ""] if lines else []


def status(path: Path) -> str:
    """Which stages of a run are done, which are left and why, and how long each took.

    Raises:
        RunError: `path` is no run folder.
    """
    from hf_qads.config import loading
    from hf_qads.pipeline import run as pipeline

    run = RunFolder.open(path)
    try:
        config = loading.parse(run.config(), where=str(path / "config.yaml"))
        if (path / pipeline.DTYPE).is_file():
            config = pipeline.decided(config, run)
        keys = pipeline.wanted(config)
    except ConfigError as error:
        raise ConfigError(
            f"{error} The run was made with another version, or its config was changed."
        ) from error
    rows = [("stage", "state", "rows in", "rows out", "seconds", "peak MiB")]
    left, left_open = 0, []
    for stage in pipeline.stages(config):
        line = run.line(stage.name)
        if not (done := run.finished(stage.name, keys[stage.name][0])):
            left += 1
            left_open += open_shards(run.folder(stage.name), stage.name)
        if line is None:
            begun = run.folder(stage.name).exists()
            rows.append((stage.name, "begun" if begun else "to do", "", "", "", ""))
            continue
        state = "done" if done else "to do again"
        counts = (f"{line['rows_in']:,}", f"{line['rows_out']:,}", f"{line['seconds']:.1f}")
        rows.append((stage.name, state, *counts, f"{line['peak_rss_mib']:,}"))
    end = "Everything is done." if not left else f"{left} of {len(keys)} stages are left."
    return "\n".join([aligned(rows, right=range(2, 6)), "", *left_open, end])


def open_shards(folder: Path, what: str) -> list[str]:
    """Shards that are left open in a folder, and the indices of the batch array that redo them."""
    lines: list[str] = []
    tasks: dict[int, set[int]] = {}
    for left in missing(folder):
        shown = ", ".join(map(str, left.numbers[:20])) + (", ..." if len(left.numbers) > 20 else "")
        lines.append(f"{left.title}: {len(left.numbers)} of {left.total} shards missing: {shown}")
        tasks.setdefault(left.parts, set()).update(number % left.parts for number in left.numbers)
    redo = [
        f"--array={','.join(map(str, sorted(own)))} of {count}" for count, own in tasks.items() if count > 1
    ]
    return [*lines, *([f"{what}: to redo them: {'; '.join(redo)}", ""] if redo else [])]


def generated(run: RunFolder) -> str:
    """What a run generated from each source, what of it is used, and why the rest is not.

    Raises:
        RunError: the run generated nothing.
    """
    line = run.line("augmenting")
    if line is None:
        raise RunError(f"{run.path} generated no rows. Run: hf-qads augment CONFIG")
    parts = []
    for source, made in line["details"]["made"].items():
        answers = {f"answers to {name}": tally for name, tally in made["paths"].items()}
        rows = [("", "asked", "kept", "share", "equal a known answer")]
        reasons = [("not used", "")]
        for name, tally in {**made["questions"], **answers}.items():
            share = f"{tally['kept'] / tally['asked']:.0%}" if tally["asked"] else ""
            known = f"{tally['verified']:,}" if tally["verified"] else ""
            rows.append((name, f"{tally['asked']:,}", f"{tally['kept']:,}", share, known))
        for what, tallies in (("new questions", made["questions"]), ("answers", made["paths"])):
            counts: Counter[str] = Counter()
            for tally in tallies.values():
                counts.update(tally["left_out"])
            reasons += [(f"{what}: {reason}", f"{count:,}") for reason, count in counts.most_common()]
        parts += [f"{source}: {made['rows']:,} rows by {line['details']['generator']}"]
        parts += [aligned(rows, right=range(1, 5)), aligned(reasons, right=[1]), ""]
    return "\n".join(
        [*parts, f"The rows lie in {run.folder('augmenting')}; `hf-qads run` goes on from there."]
    )


def _passed_over(run: RunFolder) -> list[str]:
    """Files that lie beside what was read, of sources, test sets and anchors, with their rows."""
    found = list((run.line("pool") or {"details": {}})["details"].get("passed_over", ()))
    beside = run.folder("influence") / PASSED_OVER
    found += read_json(beside) if beside.exists() else []
    return list(dict.fromkeys(f"{one['source']}: {sentence(one)}" for one in found))


def _left_out(run: RunFolder) -> dict[str, int]:
    """Rows left out of the mixture's choice per source: by reading, and by having no score or vector."""
    counts: dict[str, int] = {}
    for stage in ("pool", "selection"):
        for source, reasons in (run.line(stage) or {"left_out": {}})["left_out"].items():
            counts[source] = counts.get(source, 0) + sum(reasons.values())
    return counts


def aligned(rows: Sequence[Sequence[str]], *, right: Sequence[int] | range = ()) -> str:
    """Rows of text in columns; the columns numbered in `right` are aligned to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join(lines)
