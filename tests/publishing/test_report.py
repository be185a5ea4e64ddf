import dataclasses
import json
import re

import numpy as np
import pytest

from hf_qads.publishing.facts.measuring import measure
from hf_qads.publishing.report.figures import FIGURES, save
from hf_qads.publishing.report.report import report
from hf_qads.runfolder import RunFolder
from tests.publishing.browser import REASON, Browser, missing
from tests.publishing.runs import SMALL, make_run

OPTIONAL = {"worth", "generated"}  # of stages that the made run has not
WORTH = tuple(
    {"name": name, "rows": 100, "coverage": 1.0 + i, "novelsum": 2.0 - i, "clusters": 9.5, "mean_score": 3.0}
    for i, name in enumerate(("qads", "random"))
)


@pytest.fixture(scope="module")
def made(small_run, tmp_path_factory):
    out = tmp_path_factory.mktemp("report")
    report(small_run, out)
    return out


def test_the_report_holds_every_figure_and_table(made):
    names = {path.stem for path in (made / "figures").glob("*.png")}
    assert names == {sketch.name for sketch in FIGURES} - OPTIONAL
    tables = json.loads((made / "tables.json").read_text())
    assert [row["name"] for row in tables["sources"]] == ["gsm8k", "dmath", "cot"]
    assert {row["group"]: row["n"] for row in tables["agreement"]} == {"reasoning": 120, "general": 120}
    assert tables["reliability"]["anchors"] == 40
    assert {"exact duplicate", "blank answer"} <= {row["reason"] for row in tables["left_out"]}
    assert len(tables["examples"]) == 4
    assert tables["stages"][0]["name"] == "pool"


def test_the_page_needs_nothing_else(made):
    page = (made / "report.html").read_text()
    assert "default-src 'none'" in page
    for attribute in re.findall(r'(?:src|srcset|href)="([^"]{0,40})', page):
        assert attribute.startswith(("data:image/png;base64,", "#"))
    assert "<script" not in page


@pytest.mark.slow
def test_the_same_run_gives_the_same_bytes(small_run, made, tmp_path):
    report(small_run, tmp_path)
    for path in made.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / path.relative_to(made)).read_bytes(), path.name


def test_a_run_that_stopped_early_has_a_report_of_what_there_is(tmp_path):
    run = make_run(tmp_path / "run", sources=SMALL, stages="pool")
    page = report(run).read_text()
    assert "nothing is picked yet" in page
    assert "What was left out" in page
    assert "Average score" not in page
    assert [path.name for path in (run.path / "report" / "figures").glob("*")] == ["stages.png"]


def test_text_of_rows_is_escaped_in_the_page(hostile_run, tmp_path):
    page = report(hostile_run, tmp_path).read_text()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
    assert "onerror=alert(2)>" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert len(page) < 3_000_000


@pytest.mark.parametrize("narrow", [False, True])
def test_many_sources_with_long_names_are_drawn(tmp_path, narrow):
    names = [f"organisation-{i}/a_rather_long_dataset_name_{i}" for i in range(19)]
    sources = {
        name.replace("/", "_"): ("reasoning" if i % 3 else "general", 30, 1.5 + i % 4, "mit")
        for i, name in enumerate(names)
    }
    measured = measure(make_run(tmp_path / "run", sources=sources))
    measured = dataclasses.replace(measured, worth=WORTH)
    for sketch in FIGURES:
        if sketch.name == "generated":
            continue
        assert sketch.describe(measured)
        save(sketch, measured, tmp_path / f"{sketch.name}.png", narrow=narrow)
        assert (tmp_path / f"{sketch.name}.png").stat().st_size > 3_000


def test_equal_scores_and_equal_vectors_are_drawn(tmp_path):
    import pyarrow.parquet as pq

    run = make_run(tmp_path / "run", sources=SMALL)
    for name in SMALL:
        path = run.path / "scores" / f"{name}.parquet"
        table = pq.read_table(path)
        column = table.schema.get_field_index("qads_score")
        same = np.full(len(table), 3, np.float32)
        pq.write_table(table.set_column(column, "qads_score", [same]), path)
        vectors = run.path / "vectors" / name / "vectors.npy"
        np.save(vectors, np.ones_like(np.load(vectors)))
    measured = measure(RunFolder(run.path))
    for sketch in FIGURES:
        if sketch.describe(measured):
            save(sketch, measured, tmp_path / f"{sketch.name}.png")


@pytest.mark.slow
@pytest.mark.skipif(missing(), reason=REASON)
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_a_desk_and_a_phone(hostile_run, tmp_path, width):
    page = report(hostile_run, tmp_path / "report")
    with Browser(tmp_path, width, 900) as browser:
        browser.open(page.as_uri())
        assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
        images = "return [...document.images].every(i => i.complete && i.naturalWidth > 300)"
        assert browser.wait(images, 10)
        assert (
            browser.run(
                "return performance.getEntriesByType('resource').filter(e => /^http/.test(e.name)).length"
            )
            == 0
        )
        assert browser.run("return document.querySelectorAll('.text *').length") == 0
