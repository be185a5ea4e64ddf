"""What `hf-qads compare` found about a run's own strategy, for the Evidence section of its cards."""

from collections.abc import Mapping

from hf_qads.publishing.cards.escaping import markdown
from hf_qads.runfolder import RunFolder
from hf_qads.runtime import files


def comparison(run: RunFolder) -> str:
    """The verdict on the run's strategy, a sentence for each budget and measure, as Markdown.

    Args:
        run: its folder; the comparison lies in `compare/`, where `hf-qads compare` puts that of a run folder.

    Returns:
        empty where there was no comparison, or none of this strategy.
    """
    path = run.path / "compare" / "comparison.json"
    if not path.is_file():
        return ""
    found = files.read_json(path)
    strategy = str((run.config().get("select") or {}).get("strategy", "qads"))
    told: list[str] = []
    for name, table in found.get("tables", {}).items():
        if isinstance(table, Mapping):
            mine = [said for said in table.get("sentences", ()) if said.startswith(f"{strategy} ")]
            told += [f"- {markdown(name)}: {markdown(said)}" for said in mine]
    if not told:
        return ""
    return "\n".join(["Models fine-tuned on what each strategy chose, compared over seeds:", "", *told])
