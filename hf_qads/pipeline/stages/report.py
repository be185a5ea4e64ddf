"""The stage `report`: figures and one HTML page on what was chosen and how far the scores can be trusted."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hf_qads.config.schema import Config
from hf_qads.pipeline.stage import Context, Outcome, Stage


def _settings(config: Config) -> Mapping[str, Any]:
    return {"name": config.name}


def _work(context: Context, folder: Path) -> Outcome:
    from hf_qads.publishing.report.report import report

    report(context.run, folder)
    figures = sorted(path.name for path in (folder / "figures").glob("*.png"))
    line = context.run.line("mixture") or {"rows_out": 0}
    return Outcome(line["rows_out"], line["rows_out"], details={"figures": figures})


STAGE = Stage("report", 1, ("mixture", "worth"), _settings, _work)
