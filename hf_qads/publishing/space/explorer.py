"""Gradio explorer of a scored pool: find rows, see why one was picked, and compare two budgets.

This file is the whole app of a Space: it reads `rows.parquet` and `explorer.json` beside it and imports
nothing of hf_qads. Text of rows is shown as text, never as Markdown or HTML. No request leaves the machine.
"""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

PAGE = 25
POINTS = 4_000
EVERY = "every source"
KEPT, OTHERS = "#0072b2", "#b8bfc7"
STATES = ("all rows", "kept", "not kept")
ORDERS = {  # column, rising
    "highest score": ("score", False),
    "lowest score": ("score", True),
    "order of picking": ("rank", True),
}
CSS = """
.gradio-container { width: 100% !important; max-width: 1180px !important; margin: 0 auto !important; }
.said, .said * { border: 0 !important; box-shadow: none !important; background: none !important; }
.said textarea { padding: 0 !important; resize: none; }
#title textarea { font-size: 1.7rem; font-weight: 700; line-height: 1.25; }
#rows [role=row], #compared [role=row], #rows th, #compared th { font-family: var(--font) !important; }
footer { display: none !important; }
"""


class ExplorerPool:
    """The rows and what is known of their sources."""

    def __init__(self, folder: Path) -> None:
        self.facts: dict[str, Any] = json.loads((folder / "explorer.json").read_text(encoding="utf-8"))
        self.rows = pd.read_parquet(folder / "rows.parquet")
        self.sources = {source["name"]: source for source in self.facts["sources"]}
        self.low, self.high = self.facts["score_range"]
        text = self.rows["question"].str.cat(self.rows["answer"], sep="\n")
        self._text = text.str.casefold()
        scores = self.rows.groupby("source")["score"]
        self.known = {name: np.sort(scores.get_group(name).dropna()) for name in scores.groups}

    def find(self, text: str, source: str, low: float, high: float, state: str, order: str) -> pd.DataFrame:
        """Rows whose question or answer holds every word of `text`, in a range of scores, sorted."""
        keep = pd.Series(True, index=self.rows.index)
        for word in (text or "").casefold().split():
            keep &= self._text.str.contains(word, regex=False)
        if source != EVERY:
            keep &= self.rows["source"] == source
        if (low, high) != (self.low, self.high):
            keep &= self.rows["score"].between(low, high)
        if state != STATES[0]:
            keep &= self.rows["kept"] == (state == STATES[1])
        found = self.rows[keep]
        column, rising = ORDERS[order]
        return found.sort_values(column, ascending=rising, kind="stable", na_position="last")

    def why(self, row: pd.Series) -> str:
        """In words, why a row was or was not picked."""
        source, score, rank = self.sources[row["source"]], row["score"], row["rank"]
        name, kept = source["name"], source["kept"]
        if pd.isna(score):
            said = row["reason"] or "no reason was recorded"
            return f"Not picked: it has no score ({said}), so selection could not choose it."
        known = self.known[name]
        below = np.searchsorted(known, score) / max(len(known), 1)
        place = f"Its score {score:.2f} is higher than that of {below:.0%} of the rows of {name}."
        if pd.isna(rank):
            return (
                f"Not picked. {place} Selection ranked the first {source['ranked']:,} of {source['rows']:,} "
                f"rows of {name}, and at each pick another row was worth more."
            )
        number, inside = int(rank) + 1, "so it is in" if row["kept"] else "so it is not in"
        keeps = f"The mixture keeps {kept:,} rows of {name}, {inside}."
        if row["start"]:
            behind = "Ranked behind all picks, in the start pool or as one of a source that is kept whole"
            return f"{behind}: number {number:,}. {keeps}"
        gain = row["gain"]
        if pd.isna(gain) or not score or self.facts["strategy"] != "qads":
            return f"Picked as number {number:,} of {name}. {place} {keeps}"
        return (
            f"Picked as number {number:,} of {name}: score {score:.2f} times distance {gain / score:.3g} to "
            f"the nearest row picked before gave {gain:.3g}, the most of all rows left. {keeps}"
        )

    def at_budget(self, share: float | None) -> pd.Series:
        """Which rows are in, when `share` per cent of each source are kept; None is what was kept."""
        if share is None:
            return self.rows["kept"]
        limit = self.rows["source"].map({n: round(s["rows"] * share / 100) for n, s in self.sources.items()})
        return self.rows["rank"].notna() & (self.rows["rank"] < limit)

    def compare(self, first: float | None, second: float | None) -> pd.DataFrame:
        """Rows, mean score and coverage of two budgets, per source; None is what was kept."""
        lines = []
        for name, source in self.sources.items():
            mine = self.rows[self.rows["source"] == name]
            line: dict[str, Any] = {"source": name}
            for label, share in (("A", first), ("B", second)):
                inside = mine[self.at_budget(share).loc[mine.index]]
                asked = source["kept"] if share is None else round(source["rows"] * share / 100)
                size = min(asked, source["ranked"])
                line[f"rows {label}"] = f"{size:,}"
                line[f"mean score {label}"] = f"{inside['score'].mean():.2f}" if len(inside) else "none"
                line[f"farthest row {label}"] = _coverage(source, size)
            lines.append(line)
        columns = ["rows A", "rows B", "mean score A", "mean score B", "farthest row A", "farthest row B"]
        return pd.DataFrame(lines)[["source", *columns]]


def build(folder: Path) -> Any:
    """The app over the data in `folder`, a `gradio.Blocks` to launch."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    import gradio as gr

    pool = ExplorerPool(folder)
    with gr.Blocks(title=pool.facts["title"], analytics_enabled=False) as app:
        _said(gr, pool.facts["title"], "title")
        _said(gr, pool.facts["about"], "about")
        with gr.Tab("Rows"):
            _rows_tab(gr, app, pool)
        with gr.Tab("Map"):
            _map_tab(gr, app, pool)
        with gr.Tab("Two budgets"):
            _budgets_tab(gr, app, pool)
    return app


def _said(gr: Any, text: str, name: str) -> Any:
    """Text that is shown as it is: a text box without its box."""
    return gr.Textbox(
        text, show_label=False, container=False, interactive=False, lines=1, max_lines=8, elem_id=name,
        elem_classes=["said"],
    )  # fmt: skip


def _rows_tab(gr: Any, app: Any, pool: ExplorerPool) -> None:
    low, high = pool.low, pool.high
    with gr.Row():
        text = gr.Textbox(label="Search", placeholder="words of question or answer", scale=3, min_width=220)
        source = gr.Dropdown([EVERY, *pool.sources], value=EVERY, label="Source", min_width=160)
        state = gr.Dropdown(list(STATES), value=STATES[0], label="Show", min_width=120)
        order = gr.Dropdown(list(ORDERS), value=next(iter(ORDERS)), label="Sort by", min_width=170)
    with gr.Row():
        least = gr.Slider(low, high, low, step=(high - low) / 80, label="Score from", min_width=160)
        most = gr.Slider(low, high, high, step=(high - low) / 80, label="Score to", min_width=160)
    count = _said(gr, "", "count")
    table = gr.Dataframe(
        headers=["score", "question", "source", "picked"], datatype="str", interactive=False, elem_id="rows",
        column_widths=["70px", "740px", "210px", "80px"], max_height=420, show_label=False, buttons=[],
    )  # fmt: skip
    with gr.Row():
        back = gr.Button("Back", size="sm", min_width=90)
        onward = gr.Button("More", size="sm", min_width=90)
    why = gr.Textbox("Choose a row above.", label="Why", interactive=False, lines=2, elem_id="why")
    with gr.Row():
        question = gr.Textbox(
            label="Question", interactive=False, lines=5, max_lines=24, min_width=300, elem_id="question"
        )
        answer = gr.Textbox(
            label="Answer", interactive=False, lines=5, max_lines=24, min_width=300, elem_id="answer"
        )
    page, shown = gr.State(0), gr.State([])
    filters, seen = [text, source, least, most, state, order], [table, count, page, shown]

    def look(*asked: Any, at: int = 0) -> Any:
        found = pool.find(*asked)
        at = max(0, min(at, (len(found) - 1) // PAGE))
        part = found.iloc[at * PAGE : (at + 1) * PAGE]
        told = f"{len(found):,} rows, {at * PAGE + 1:,} to {at * PAGE + len(part):,} shown"
        return _listed(part), told if len(found) else "No row fits.", at, [int(row) for row in part.index]

    def choose(rows: list[int], event: gr.SelectData) -> Any:
        row = pool.rows.loc[rows[event.index[0]]]
        return pool.why(row), row["question"], row["answer"]

    for part in filters:
        part.change(look, filters, seen)
    back.click(lambda *asked: look(*asked[:-1], at=asked[-1] - 1), [*filters, page], seen)
    onward.click(lambda *asked: look(*asked[:-1], at=asked[-1] + 1), [*filters, page], seen)
    table.select(choose, [shown], [why, question, answer])
    app.load(look, filters, seen)


def _budget(gr: Any, pool: ExplorerPool, label: str) -> tuple[Any, Any]:
    """A slider of per cents, and a box that takes exactly the rows kept instead until the slider moves."""
    some = any(source["kept"] for source in pool.sources.values())
    with gr.Column(min_width=220):
        share = gr.Slider(1, 100, pool.facts["share"], step=1, label=label, min_width=220)
        kept = gr.Checkbox(some, label="exactly the rows that were kept", visible=some, min_width=220)
    share.input(lambda: False, None, kept)
    return share, kept


def _map_tab(gr: Any, app: Any, pool: ExplorerPool) -> None:
    with gr.Row():
        source = gr.Dropdown([EVERY, *pool.sources], value=EVERY, label="Source", min_width=160)
        budget = _budget(gr, pool, "Per cent kept of each source")
    note = _said(gr, "", "note")
    plot = gr.ScatterPlot(
        x="x", y="y", color="row", color_map={"kept": KEPT, "not kept": OTHERS}, height=520, show_label=False,
        x_title="1st component", y_title="2nd component", tooltip=["source", "score"], buttons=[],
        x_lim=_room(pool.rows["x"]), y_lim=_room(pool.rows["y"]),
    )  # fmt: skip

    def draw(of: str, share: float, kept: bool) -> Any:
        points = pool.rows.dropna(subset=["x", "y"])
        points = points if of == EVERY else points[points["source"] == of]
        total = len(points)
        points = points.sample(POINTS, random_state=0) if total > POINTS else points
        frame = points[["x", "y", "source"]].assign(score=points["score"].round(2))
        frame["row"] = np.where(pool.at_budget(None if kept else share).loc[points.index], "kept", "not kept")
        drawn = f"{len(points):,} of {total:,}" if len(points) < total else f"All {total:,}"
        return frame, f"{pool.facts['map']} {drawn} rows are drawn."

    for part in (source, *budget):
        part.change(draw, [source, *budget], [plot, note])
    app.load(draw, [source, *budget], [plot, note])


def _budgets_tab(gr: Any, app: Any, pool: ExplorerPool) -> None:
    with gr.Row():
        first = gr.Slider(1, 100, 10, step=1, label="A: per cent of each source", min_width=220)
        second, kept = _budget(gr, pool, "B: per cent of each source")
    _said(gr, pool.facts["budgets"], "budgets")
    compared = gr.Dataframe(
        interactive=False, elem_id="compared", show_label=False, datatype="str", buttons=[]
    )

    def compare(one: float, two: float, as_kept: bool) -> pd.DataFrame:
        return pool.compare(one, None if as_kept else two)

    for part in (first, second, kept):
        part.change(compare, [first, second, kept], [compared])
    app.load(compare, [first, second, kept], [compared])


def _room(places: pd.Series) -> list[float] | None:
    """Ends of an axis with a margin, so that no point is cut; None where there is no point."""
    low, high = places.min(), places.max()
    margin = 0.04 * (high - low) or 1.0
    return None if pd.isna(low) else [float(low - margin), float(high + margin)]


def _listed(part: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "score": ["none" if pd.isna(v) else f"{v:.2f}" for v in part["score"]],
            "question": [" ".join(str(v)[:300].split())[:160] for v in part["question"]],
            "source": list(part["source"]),
            "picked": ["" if pd.isna(v) else f"{int(v) + 1:,}" for v in part["rank"]],
        }
    )


def _coverage(source: dict[str, Any], size: int) -> str:
    """Largest distance to the nearest of the first `size` picks, as measured at the next smaller budget."""
    budgets, largest = source.get("budgets") or [], source.get("largest") or []
    place = int(np.searchsorted(budgets, size, side="right")) - 1
    return f"{largest[place]:.2f}" if 0 <= place < len(largest) else "not measured"


def theme() -> Any:
    """Gradio's plain look with the system's own fonts, so that none is fetched."""
    import gradio as gr

    fonts = ["system-ui", "sans-serif"]
    return gr.themes.Default(primary_hue="blue", font=fonts, font_mono=["ui-monospace", "monospace"])


if __name__ == "__main__":
    build(Path(__file__).parent).launch(theme=theme(), css=CSS, footer_links=[])
