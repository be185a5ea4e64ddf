"""A comparison on a tiny pool: cells, resumption, tables and what may be concluded."""

import errno
import json
import os
import re
import shutil

import pytest
import yaml

from hf_qads import cli
from hf_qads.config import experiments
from hf_qads.errors import ConfigError, RunError, SelectionError, ShardsGivenUpError, TrainingError
from hf_qads.experiments.cells import Cell, run_cells
from hf_qads.experiments.commands import compare, status, validity
from hf_qads.experiments.planning import plan_text
from hf_qads.publishing.facts.comparison import verdicts
from hf_qads.runfolder import RunFolder
from hf_qads.runtime.array_parts import Part
from hf_qads.runtime.executors import Lead, PartDone, using
from tests.models import tiny_model, tiny_rows, tiny_tokenizer
from tests.pipeline.conftest import write_rows

MATHS = {"reasoning": {"rule": "all"}, "general": {"rule": "fixed", "value": 0.1}}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    tiny_model().save_pretrained(folder / "model")
    tiny_tokenizer().save_pretrained(folder / "model")
    write_rows(folder / "sums.jsonl", tiny_rows(60, seed=1))
    write_rows(folder / "chat.jsonl", tiny_rows(40, seed=2))
    write_rows(folder / "target.jsonl", tiny_rows(12, seed=3))
    run = {
        "name": "tiny",
        "model": str(folder / "model"),
        "sources": [
            {"path": str(folder / "sums.jsonl"), "kind": "reasoning"},
            {"path": str(folder / "chat.jsonl"), "kind": "general"},
        ],
        "anchors": {"sources": [str(folder / "target.jsonl")], "size": 6},
        "prompts": 20,
        "experience": None,
        "scorer": {"type": "probe"},
    }
    (folder / "run.yaml").write_text(yaml.safe_dump(run))
    (folder / "gsm8k.jsonl").write_text(
        "".join(
            json.dumps(
                {"question": f"What is {n} + 2?", "answer": f"It is {n + 2}.", "final_answer": str(n + 2)}
            )
            + "\n"
            for n in range(12)
        )
    )
    setting = {
        "name": "tiny-compare",
        "compare": {
            "run": str(folder / "run.yaml"),
            "arms": ["qads", {"name": "maths", "ratio": MATHS}],
            "budgets": [{"tokens": 300}],
            "seeds": 2,
            "controls": ["untrained", "random"],
            "train": {"learning_rate": 1e-3, "epochs": 1},
            "evaluate": {"benchmarks": ["gsm8k"], "rows": 8, "skip": 2, "data": str(folder)},
        },
    }  # fmt: skip
    (folder / "compare.yaml").write_text(yaml.safe_dump(setting))
    return folder


@pytest.fixture(scope="module")
def done(files):
    out = files / "out"
    text = compare(
        config=files / "compare.yaml", overrides=[], out=out, plan=False, quick=False, say=lambda _: None
    )
    return out, text


def test_a_comparison_writes_tables_figures_and_a_page(done):
    out, text = done
    assert "| random | 2 |" in text
    assert "7 of 7 cells are done" in text
    assert "100 rows read, 240 pairs of a row and an anchor" in text
    assert re.search(
        r"Break-even at 300tokens: the same operations would train on [\d.]+ times as many", text
    )
    assert (out / "figures" / "overlap_300tokens.png").stat().st_size > 1000
    assert "<table>" in (out / "comparison.html").read_text()
    record = json.loads((out / "comparison.json").read_text())
    assert {line["arm"] for line in record["tables"]["300tokens/log_probability"]["lines"]} == {
        "untrained", "random", "qads", "maths"
    }  # fmt: skip
    assert record["arms"]["maths"]["ratio"]["general"]["value"] == 0.1
    assert set(record["tables"]["300tokens/log_probability"]["sentences"]) == {"qads", "maths"}
    assert record["stages"] == {line["stage"]: line["key"] for line in RunFolder(out / "run").ledger()}


def test_the_cards_of_the_run_tell_the_verdict_on_the_arm_that_chooses_as_it_does(done):
    run = RunFolder(done[0] / "run")
    assert verdicts(run) == ""
    (run.path / "compare").mkdir()
    shutil.copy(done[0] / "comparison.json", run.path / "compare")
    (line,) = [line for line in verdicts(run).splitlines() if line.startswith("- ")]
    assert ": qads " in line  # maths has another ratio
    shutil.rmtree(run.path / "compare")


def test_every_cell_keeps_to_its_budget_and_its_shares(done):
    cells = [json.loads(path.read_text()) for path in sorted((done[0] / "cells").glob("*/result.json"))]
    trained = [cell for cell in cells if cell["cell"]["arm"] != "untrained"]
    assert len(trained) == 6
    assert all(250 <= cell["tokens"] <= 300 for cell in trained)
    maths = [cell for cell in trained if cell["cell"]["arm"] == "maths"]
    assert all(cell["sources"]["sums"] > 8 * cell["sources"].get("chat", 0) for cell in maths)
    by_seed = {cell["cell"]["seed"]: cell["row_ids"] for cell in trained if cell["cell"]["arm"] == "random"}
    assert by_seed[0] != by_seed[1]
    assert not list((done[0] / "cells").glob("*/model"))


def test_a_killed_comparison_goes_on_to_the_same_bytes(done, files, monkeypatch):
    out, _ = done
    before = {path: path.read_bytes() for path in sorted((out / "cells").glob("*/result.json"))}
    page = (out / "comparison.json").read_bytes()
    for path in list(before)[2:4]:
        path.unlink()
    told = []
    compare(config=files / "compare.yaml", overrides=[], out=out, plan=False, quick=False, say=told.append)
    assert any("5 of 7 cells were done before" in line for line in told)
    assert {path: path.read_bytes() for path in before} == before
    assert (out / "comparison.json").read_bytes() == page


def test_rows_of_sources_that_are_not_named_are_no_candidates(done, files, tmp_path):
    only = [
        "compare.sources=[sums]",
        "compare.seeds=1",
        "compare.arms=[qads]",
        f"compare.run={done[0] / 'run'}",
    ]
    asked = {"config": files / "compare.yaml", "plan": False, "quick": False, "say": lambda _: None}
    text = compare(**asked, overrides=only, out=tmp_path / "out")
    assert "40 rows are no candidates of any arm: their source is not among those named." in text
    cells = [json.loads(path.read_text()) for path in (tmp_path / "out" / "cells").glob("*/result.json")]
    assert {name for cell in cells for name in cell["sources"]} == {"sums"}
    with pytest.raises(SelectionError, match=r"no sources \['songs'\]. It has: sums, chat"):
        compare(**asked, overrides=[*only, "compare.sources=[songs]"], out=tmp_path / "other")


def test_a_score_that_an_arm_reads_is_made_with_the_run(done, files, tmp_path):
    change = ["compare.seeds=1", "compare.first_seed=1", "compare.arms=[ifd]"]
    asked = {"config": files / "compare.yaml", "plan": False, "quick": False, "say": lambda _: None}
    compare(**asked, overrides=change, out=tmp_path)
    assert list((tmp_path / "run" / "row_scores").glob("*.parquet"))
    assert len(list((tmp_path / "cells").glob("ifd-*-seed1-*/result.json"))) == 1
    made = {path.parent.name for path in (tmp_path / "cells").glob("random-*/result.json")}
    assert made <= {path.name for path in (done[0] / "cells").iterdir()}  # they read no further score
    with pytest.raises(ConfigError, match=r"run: 'gone' is neither a run folder nor a YAML.*--out gone"):
        compare(**asked, overrides=["compare.run=gone"], out=tmp_path / "other")


def test_the_plan_says_what_can_be_detected_before_anything_runs(files, tmp_path, capsys):
    argv = ["compare", str(files / "compare.yaml"), "compare.seeds=5", "--out", str(tmp_path / "o"), "--plan"]
    assert cli.main(argv) == 0
    shown = capsys.readouterr().out
    assert "16 cells of 3 arms, 1 budget and up to 5 seeds" in shown
    assert "by a prior" in shown
    assert not (tmp_path / "o").exists()


def test_a_pilot_gives_the_plan_its_spread(done, files):
    setting = experiments.load(files / "compare.yaml", [f"compare.pilot={done[0]}", "compare.seeds=8"])
    assert "by a pilot" in plan_text(setting, files / "other")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (TrainingError("The loss stopped being a number."), "The loss stopped being a number."),
        (KeyError("gsm8k"), "KeyError: 'gsm8k'"),
        (OSError(5, "Input/output error"), "OSError: [Errno 5] Input/output error"),
    ],
)
def test_a_failed_cell_takes_no_other_along(tmp_path, error, reason):
    cells = [Cell(arm, "9rows", 0, "k" * 16) for arm in ("first", "broken", "last")]

    def work(cell, folder):
        if cell.arm == "broken":
            raise error
        return {"rows": 1}, {"training": 1.0}

    failed = run_cells(cells, work, tmp_path, say=lambda _: None)
    assert list(failed.values()) == [reason]
    assert (tmp_path / cells[2].name / "result.json").exists()
    assert not run_cells(cells, lambda *_: ({}, {}), tmp_path, say=lambda _: None)


def test_a_full_disk_ends_the_cells(tmp_path):
    def work(cell, folder):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match="No space left"):
        run_cells([Cell("a", "9rows", 0, "k" * 16)], work, tmp_path, say=lambda _: None)


def test_shards_share_the_cells_do_none_twice_and_say_what_is_missing(tmp_path):
    cells = [Cell(arm, "9rows", 0, "k" * 16) for arm in "abcde"]
    done = []

    def work(cell, folder):
        done.append(cell.arm)
        if cell.arm == "b":
            raise TrainingError("The loss stopped being a number.")
        return {}, {}

    for number in (0, 1):
        with using(Part(number, 2, folder=tmp_path / "cells")), pytest.raises(PartDone):
            run_cells(cells, work, tmp_path / "cells", say=lambda _: None)
        if not number:
            assert "cells: 2 of 5 shards missing: 1, 3" in status(tmp_path)
            assert "--array=1 of 2" in status(tmp_path)
    assert done == ["a", "c", "e", "b", "d"]
    assert status(tmp_path).splitlines()[0].endswith("failed: The loss stopped being a number.")
    assert run_cells(cells, lambda *_: ({}, {}), tmp_path / "cells", say=lambda _: None) == {}
    assert status(tmp_path) == "All cells are done."


def test_the_status_tells_of_no_cell_that_is_no_longer_asked_for(tmp_path):
    def work(cell, folder):
        raise TrainingError("The loss stopped being a number.")

    old, new = Cell("a", "9rows", 0, "k" * 16), Cell("a", "9rows", 0, "l" * 16)
    run_cells([old], work, tmp_path / "cells", say=lambda _: None)
    assert "failed: The loss" in status(tmp_path)
    run_cells([new], lambda *_: ({}, {}), tmp_path / "cells", say=lambda _: None)
    assert status(tmp_path) == "All cells are done."


def test_a_shard_of_a_comparison_writes_its_cells_and_the_same_command_without_it_the_report(
    done, files, tmp_path
):
    whole, out = done[0], tmp_path / "o"
    shutil.copytree(whole / "run", out / "run")
    argv = ["compare", str(files / "compare.yaml"), "--out", str(out)]
    assert cli.main([*argv, "--shard", "1/2"]) == 0
    mine = {path.parent.name: path.read_bytes() for path in (out / "cells").glob("*/result.json")}
    assert mine == {name: (whole / "cells" / name / "result.json").read_bytes() for name in mine}
    assert len(mine) == 3
    assert not (out / "comparison.md").exists()


@pytest.mark.slow
@pytest.mark.parametrize("asked", [{}, {"engine": "ray", "address": "local"}], ids=["processes", "ray"])
def test_workers_make_the_bytes_of_one_process(done, files, tmp_path, asked):
    if asked:
        pytest.importorskip("ray")
    whole, out, said = done[0], tmp_path / "o", []
    shutil.copytree(whole / "run", out / "run")
    compare(
        config=files / "compare.yaml", overrides=[], out=out, plan=False, quick=False, say=said.append,
        workers=2, **asked,
    )  # fmt: skip
    for path in (whole / "cells").glob("*/result.json"):
        assert (out / path.relative_to(whole)).read_bytes() == path.read_bytes()
    assert (out / "comparison.json").read_bytes() == (whole / "comparison.json").read_bytes()


class Killing:
    """An engine whose workers do some of the cells and then fail."""

    def __init__(self, done, error):
        self.done, self.error = done, error

    def work(self, job, stage, handed, *, unit):
        ((title, shards),) = handed.items()
        assert (stage, title, unit) == ("cells", "cells", "cell")
        for shard in shards[: self.done]:
            shard.files[0].parent.mkdir(parents=True)
            shard.files[0].write_text("{}")
        raise self.error


@pytest.mark.parametrize("kind", [ShardsGivenUpError, RunError])
def test_a_cell_whose_workers_are_lost_is_named_beside_what_is_done(tmp_path, kind):
    cells = [Cell(arm, "9rows", 0, "k" * 16) for arm in "abc"]
    error = kind("1 shards were given up: the worker was lost.")
    with using(Lead(Killing(0, error), None, "cells")), pytest.raises(kind):
        run_cells(cells, None, tmp_path, say=lambda _: None)  # there is nothing to report
    with using(Lead(Killing(2, error), None, "cells")):
        failed = run_cells(cells, None, tmp_path, say=lambda _: None)
    assert failed == {cells[2].name: "1 shards were given up: the worker was lost."}


def test_ranks_of_a_launch_are_refused(files, monkeypatch, capfd):
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert cli.main(["compare", str(files / "compare.yaml")]) == 2
    assert "cells are no work for the ranks of a launch" in capfd.readouterr().err


@pytest.mark.parametrize("part", ["2/2", "x", "1"])
def test_a_part_that_is_none_is_one_line(part, files, capfd):
    assert cli.main(["compare", str(files / "compare.yaml"), "--shard", part, "--plan"]) == 2
    assert "--shard" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"budgets": [{"rows": 3, "tokens": 4}]}, "one of rows, share, tokens"),
        ({"control": "best"}, "neither an arm nor among controls"),
        ({"arms": ["qads", "qads"]}, "two arms have one name"),
        ({"sedes": 3}, "sedes"),
    ],
)
def test_a_wrong_key_is_one_line(files, change, message):
    raw = yaml.safe_load((files / "compare.yaml").read_text())
    raw["compare"] |= change
    with pytest.raises(ConfigError, match=message):
        experiments.parse(raw)


def test_validity_groups_rows_by_a_score_and_says_what_it_predicts(done, files, tmp_path):
    raw = {
        "name": "tiny-validity",
        "validity": {
            "run": str(done[0] / "run"),
            "scores": ["qads_score", "longest"],
            "groups": 2,
            "within": "source",
            "tokens": 250,
            "seeds": 2,
            "train": {"learning_rate": 1e-3, "epochs": 1},
            "evaluate": {"benchmarks": ["gsm8k"], "rows": 8, "data": str(files)},
        },
    }
    (tmp_path / "validity.yaml").write_text(yaml.safe_dump(raw))
    text = validity(config=tmp_path / "validity.yaml", overrides=[], out=tmp_path / "out", say=lambda _: None)
    assert "9 of 9 cells are done" in text
    cells = [json.loads(path.read_text()) for path in (tmp_path / "out" / "cells").glob("*/result.json")]
    by_group = {
        cell["cell"]["budget"]: cell["score"] for cell in cells if cell["cell"]["arm"] == "qads_score"
    }
    assert by_group["group1"] < by_group["group2"]
    for group in by_group.keys() - {""}:
        drawn = [set(cell["sources"]) for cell in cells if cell["cell"]["budget"] == group]
        assert set.union(*drawn) == {"chat", "sums"}
    shown = json.loads((tmp_path / "out" / "validity.json").read_text())
    assert {one["score"] for one in shown["scores"]} == {"qads_score", "longest"}


def test_quick_has_a_config_of_its_own(files, tmp_path, capsys):
    argv = ["compare", "--quick", "--plan", "--out", str(tmp_path / "o"), "compare.seeds=4"]
    assert cli.main(argv) == 0
    assert "17 cells of 4 arms, 1 budget and up to 4 seeds" in capsys.readouterr().out
    assert cli.main(["compare", str(files / "compare.yaml"), "--quick"]) != 0
    assert "Name one of a config and --quick" in capsys.readouterr().err
