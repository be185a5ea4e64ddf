"""What `hf-qads compare` found about a run's own strategy, for the Evidence section of its cards."""

from hf_qads.publishing.cards.escaping import markdown
from hf_qads.runfolder import RunFolder
from hf_qads.runtime import files


def verdicts(run: RunFolder) -> str:
    """The verdict on the run's own selection, a sentence for each budget and measure, as Markdown.

    Args:
        run: its folder; the comparison lies in `compare/`, where `hf-qads compare` puts that of a run folder.

    Returns:
        empty where there was no comparison, none of an arm that chooses as this run does (strategy, options,
        start pool, metric, and ratio where it has one), or one of rows or scores that were made anew since.
    """
    path = run.path / "compare" / "comparison.json"
    if not path.is_file():
        return ""
    found, config = files.read_json(path), run.config()
    current = {line["stage"]: line["key"] for line in run.ledger()}
    if not found.get("stages") or not found["stages"].items() <= current.items():
        return ""
    own = {key: config["select"].get(key) for key in ("strategy", "options", "start", "metric")}
    ratios = (None, config.get("ratio"))
    same = [
        name
        for name, arm in found["arms"].items()
        if own.items() <= arm.items() and arm.get("ratio") in ratios
    ]
    told = [
        f"- {markdown(name)}: {markdown(said)}"
        for name, table in found["tables"].items()
        for arm, said in table.get("sentences", {}).items()
        if arm in same
    ]
    if not told:
        return ""
    return "\n".join(["Models fine-tuned on what each strategy chose, compared over seeds:", "", *told])
