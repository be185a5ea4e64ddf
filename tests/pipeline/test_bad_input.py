"""What a user can get wrong: exit code 2 and one line that says what was wrong, what was got, what to do."""

import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from hf_qads.cli import main
from tests.models import tiny_model, tiny_rows, tiny_tokenizer
from tests.pipeline.conftest import write_rows


def fail(arguments, capfd):
    """Run a command that must fail; its one line of error."""
    code = main([str(argument) for argument in arguments])
    error = capfd.readouterr().err
    lines = [line for line in error.splitlines() if line.startswith("hf-qads: error:")]
    assert code == 2, error
    assert "Traceback" not in error
    assert len(lines) == 1, error
    assert error.rstrip().endswith(lines[0])
    return lines[0]


def run(tmp_path, raw, capfd, *more):
    path = tmp_path / "bad.yaml"
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    return fail(["run", path, "--out", tmp_path / "out", *more], capfd)


CONFIG = {
    "unknown-key": ({"sorces": []}, "unknown key sorces"),
    "unknown-inner-key": ({"select": {"metrics": "cosine"}}, "unknown key select.metrics"),
    "unknown-source-key": ({"sources": [{"path": "a.jsonl", "typ": 1}]}, "unknown key sources.0.typ"),
    "no-sources": ({"sources": []}, "sources"),
    "sources-is-text": ({"sources": "gsm8k"}, "sources"),
    "no-anchors": ({"anchors": {"sources": []}}, "anchors.sources"),
    "anchors-named-high": ({"anchors": {"sources": ["data/high.jsonl"]}}, "cannot be called 'high'"),
    "prompts-zero": ({"prompts": 0}, "prompts"),
    "prompts-text": ({"prompts": "many"}, "'many'"),
    "seed-negative": ({"seed": -3}, "-3"),
    "seed-fraction": ({"seed": 0.5}, "0.5"),
    "start-negative": ({"select": {"start": -1}}, "select.start"),
    "unknown-metric": ({"select": {"metric": "manhattan"}}, "'manhattan'"),
    "unknown-strategy": ({"select": {"strategy": "best"}}, "best"),
    "unknown-option": ({"select": {"start": 4, "options": {"nothing": 1}}}, "nothing"),
    "unknown-rule": ({"ratio": {"rule": "mood"}}, "'mood'"),
    "ratio-without-value": ({"ratio": {"rule": "fixed"}}, "needs value"),
    "ratio-above-one": ({"ratio": {"rule": "fixed", "value": 1.5}}, "1.5"),
    "ratio-of-one-kind": ({"ratio": {"general": {"rule": "all"}}}, "ratio.reasoning is missing"),
    "more-rows-than-there-are": ({"ratio": {"rule": "total", "rows": 100000}}, "100000"),
    "size-rule-without-middle": ({"ratio": {"rule": "size", "low": 1, "upp": 2}}, "size"),
    "subset-zero": ({"subsets": [0]}, "subsets"),
    "subset-above-one": ({"subsets": [1.5]}, "1.5"),
    "subsets-fall": ({"subsets": [0.5, 0.2]}, "grow"),
    "unknown-across": ({"deduplicate": {"across_sources": "second"}}, "'second'"),
    "unknown-scorer": ({"scorer": {"type": "oracle"}}, "'oracle'"),
    "scorer-epochs-zero": ({"scorer": {"epochs": 0}}, "scorer.epochs"),
    "experience-share-zero": ({"experience": {"share": 0.0}}, "experience.share"),
    "batch-tokens-small": ({"batch_tokens": 3}, "batch_tokens"),
    "augment": ({"augment": {"operators": [1]}}, "augment"),
    "name-with-slash": ({"name": "a/b"}, "name"),
    "unknown-preset": ({"preset": "nothing"}, "nothing"),
    "unknown-device": ({"device": "tpu9"}, "tpu9"),
    "missing-model": ({"model": "./no-such-model"}, "no-such-model"),
    "missing-source": ({"sources": ["./nowhere.jsonl"]}, "nowhere.jsonl"),
    "missing-anchor-source": ({"anchors": {"sources": ["./nowhere.jsonl"]}}, "nowhere.jsonl"),
    "unknown-catalogue-name": ({"sources": ["gms8k"]}, "gms8k"),
    "unknown-template": ({"model": {"path": "embedded", "template": "no fields"}}, "template"),
}


@pytest.mark.parametrize(("change", "message"), CONFIG.values(), ids=CONFIG.keys())
def test_a_wrong_setting_is_one_clear_line(tmp_path, raw_config, change, message, capfd):
    assert message in run(tmp_path, {**raw_config, **change}, capfd)


def rows(n=12):
    return [{"question": r["question"], "answer": r["answer"]} for r in tiny_rows(n, seed=9)]


def lines(*texts):
    return ("\n".join(texts) + "\n").encode()


FILES = {
    "empty-file": ("a.jsonl", b"", "empty"),
    "white-space-only": ("a.jsonl", b"\n\n  \n", ""),
    "no-json": ("a.jsonl", b"hello\nworld\n", ""),
    "no-known-columns": ("a.jsonl", lines('{"text": "a", "label": 1}'), "text"),
    "only-a-question": ("a.jsonl", lines('{"question": "a"}'), "question"),
    "all-answers-blank": ("a.jsonl", lines('{"question": "a", "answer": " "}'), "left out"),
    "all-answers-null": ("a.jsonl", lines('{"question": "a", "answer": null}'), "left out"),
    "not-utf-8": ("a.jsonl", b'{"question": "caf\xe9", "answer": "1"}\n', ""),
    "parquet-cut": ("a.parquet", "cut", "a.parquet"),
    "not-parquet": ("a.parquet", b"PAR1 nothing of the kind PAR1", "a.parquet"),
    "empty-parquet": ("a.parquet", "empty", "empty"),
    "csv-without-header": ("a.csv", b"1,2\n3,4\n", ""),
    "json-cut": ("a.json", b'[{"question": "a", "answer": "b"}, {"quest', ""),
    "unknown-format": ("a.docx", b"PK", "a.docx"),
}


def put(path, content):
    if content == "cut":
        pq.write_table(pa.Table.from_pylist(rows()), path)
        path.write_bytes(path.read_bytes()[:-40])
    elif content == "empty":
        pq.write_table(pa.Table.from_pylist(rows()).slice(0, 0), path)
    else:
        path.write_bytes(content)


@pytest.mark.parametrize(("name", "content", "message"), FILES.values(), ids=FILES.keys())
def test_a_file_that_gives_no_rows_is_one_clear_line(tmp_path, raw_config, name, content, message, capfd):
    put(tmp_path / name, content)
    told = run(tmp_path, {**raw_config, "sources": [str(tmp_path / name)]}, capfd)
    assert message in told
    assert name in told


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"columns": {"question": "prompt"}}, "prompt"),
        ({"where": {"seen": False}}, "seen"),
        ({"where": {"answer": "nothing like it"}}, "left out"),
        ({"rows": 0}, "rows"),
        ({"kind": "maths"}, "kind"),
    ],
)
def test_a_source_setting_that_does_not_fit_is_one_clear_line(tmp_path, raw_config, change, message, capfd):
    source = {**raw_config["sources"][0], **change}
    assert message in run(tmp_path, {**raw_config, "sources": [source]}, capfd)


def test_two_sources_of_one_name_are_refused(tmp_path, raw_config, capfd):
    raw = {**raw_config, "sources": [raw_config["sources"][0], raw_config["sources"][0]]}
    assert "sums" in run(tmp_path, raw, capfd)


MODELS = {
    "no-config": (lambda folder: (folder / "config.json").unlink(), "config.json"),
    "config-no-json": (lambda folder: (folder / "config.json").write_text("{"), "cannot be loaded"),
    "unknown-architecture": (
        lambda folder: (folder / "config.json").write_text('{"model_type": "nothing"}'),
        "cannot be loaded",
    ),
    "no-weights": (lambda folder: (folder / "model.safetensors").unlink(), "cannot be loaded"),
    "weights-cut": (
        lambda folder: (folder / "model.safetensors").write_bytes(
            (folder / "model.safetensors").read_bytes()[:500]
        ),
        "cannot be loaded",
    ),
    "no-tokenizer": (
        lambda folder: [path.unlink() for path in folder.glob("token*")],
        "tokenizer",
    ),
    "tokenizer-cut": (lambda folder: (folder / "tokenizer.json").write_text("{"), "cannot be loaded"),
    "empty-folder": (lambda folder: [path.unlink() for path in folder.iterdir()], "config.json"),
}


@pytest.mark.parametrize(("damage", "message"), MODELS.values(), ids=MODELS.keys())
def test_a_folder_that_is_no_whole_model_is_one_clear_line(
    tmp_path, raw_config, model_folder, damage, message, capfd
):
    folder = tmp_path / "damaged"
    shutil.copytree(model_folder, folder)
    damage(folder)
    raw = {**raw_config, "model": str(folder), "experience": None}
    assert message in run(tmp_path, raw, capfd)


def test_a_file_in_place_of_a_model_folder_is_refused(tmp_path, raw_config, capfd):
    (tmp_path / "weights.bin").write_bytes(b"1")
    assert "is not a folder" in run(tmp_path, {**raw_config, "model": str(tmp_path / "weights.bin")}, capfd)


@pytest.mark.parametrize("kind", ["file", "other-files", "unwritable"])
def test_an_out_that_cannot_be_a_run_folder_is_refused(tmp_path, config_file, kind, capfd):
    out = tmp_path / "out"
    if kind == "file":
        out.write_text("mine")
    elif kind == "other-files":
        out.mkdir()
        (out / "thesis.tex").write_text("mine")
    else:
        out = "/proc/nothing/out"
    fail(["run", config_file, "--out", out], capfd)
    if kind != "unwritable":
        assert (out if kind == "file" else out / "thesis.tex").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "none.yaml"], "none.yaml"),
        (["status", "no-run"], "is not a run folder"),
        (["check", "no-folder"], "no-folder"),
        (["score", "./none.jsonl"], "none.jsonl"),
        (["score", "./none.jsonl", "--scorer", "./no-scorer"], "none.jsonl"),
        (["select", "./none.parquet", "--size", "3"], "none.parquet"),
        (["sources", "gms8k"], "gms8k"),
        (["plan", "nothing"], "nothing"),
        (["publish", "no-run", "--to", "me"], "no-run"),
    ],
)
def test_a_command_on_what_is_not_there_is_one_clear_line(arguments, message, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in fail(arguments, capfd)


@pytest.mark.parametrize(
    "arguments", [["run"], ["select", "a.parquet"], ["nothing"], [], ["run", "a", "--ot", "b"]]
)
def test_a_command_line_that_does_not_parse_exits_with_2(arguments, capfd):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: hf-qads" in capfd.readouterr().err


def test_an_unknown_stage_is_named(config_file, tmp_path, capfd):
    told = fail(["run", config_file, "--out", tmp_path / "out", "--until", "cooking"], capfd)
    assert "'cooking'" in told
    assert "selection" in told


def test_odd_rows_are_read_or_left_out_with_a_reason(tmp_path, raw_config, capfd):
    odd = [
        {"question": "a" * 1_000_000, "answer": "long"},
        {"question": "nul \u0000 inside", "answer": "x"},
        {"question": "", "answer": "x"},
        {"question": "no answer", "answer": None},
        {"question": 5, "answer": "a number asks"},
    ]
    path = tmp_path / "odd.jsonl"
    path.write_text(
        "\n".join(json.dumps(row) for row in [*rows(30), *odd, odd[2], rows(1)[0]]), encoding="utf-8"
    )
    config = tmp_path / "odd.yaml"
    config.write_text(yaml.safe_dump({**raw_config, "sources": [str(path)]}), encoding="utf-8")
    assert main(["run", str(config), "--out", str(tmp_path / "out"), "--until", "vectors"]) == 0
    told = capfd.readouterr().out
    assert "blank question" in told
    assert "exact duplicate of an earlier row" in told
    assert "context" in told


@pytest.mark.parametrize("missing", ["bos", "pad"])
def test_a_tokenizer_without_bos_or_pad_goes_the_whole_way(tmp_path, raw_config, missing):
    folder = tmp_path / "model-without"
    tiny_model().save_pretrained(folder)
    tiny_tokenizer(**{missing: False}).save_pretrained(folder)
    config = tmp_path / "run.yaml"
    config.write_text(yaml.safe_dump({**raw_config, "model": str(folder)}), encoding="utf-8")
    assert main(["run", str(config), "--out", str(tmp_path / "out"), "--until", "mixture"]) == 0


def test_one_row_many_times_and_equal_scores_still_make_a_mixture(tmp_path, raw_config, capfd):
    same = [{"question": f"What is 1 + 1? ({i})", "answer": "2"} for i in range(30)]
    path = write_rows(tmp_path / "same.jsonl", same)
    raw = {**raw_config, "sources": [str(path)], "ratio": {"rule": "fixed", "value": 0.5}}
    config = tmp_path / "run.yaml"
    config.write_text(yaml.safe_dump(raw), encoding="utf-8")
    assert main(["run", str(config), "--out", str(tmp_path / "out")]) == 0


def test_settings_may_stand_behind_options(raw_config, tmp_path, capfd):
    assert "seed: input should be greater than or equal to 0, got -1" in run(
        tmp_path, raw_config, capfd, "seed=-1"
    )
    for wrong in ("seed", "--sed=1"):
        with pytest.raises(SystemExit):
            main(["run", str(tmp_path / "bad.yaml"), "--out", str(tmp_path / "out"), wrong])
        assert f"unrecognized arguments: {wrong}" in capfd.readouterr().err
    with pytest.raises(SystemExit):
        main(["status", str(tmp_path / "out"), "seed=1"])
    assert "unrecognized arguments: seed=1" in capfd.readouterr().err
