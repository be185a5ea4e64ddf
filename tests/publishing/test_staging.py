import hashlib
import json
import shutil

import pyarrow.parquet as pq
import pytest
import yaml

from hf_qads.cli import main
from hf_qads.errors import PublishingError, RunError
from hf_qads.publishing.hub.checking import check
from hf_qads.publishing.hub.push import publish
from hf_qads.publishing.hub.staging import stage, stage_all
from hf_qads.repositories.front_matter import split_card
from hf_qads.runfolder import RunFolder
from hf_qads.runtime.files import file_hash
from tests.publishing.runs import SMALL, add_model, make_run

NAMES = [
    "maths-mix",
    "maths-mix-scored",
    "maths-mix-scorer-general",
    "maths-mix-scorer-reasoning",
    "maths-mix-space",
]


def test_every_artefact_gets_a_repository(staged_once):
    assert [one.name for one in staged_once] == NAMES
    assert [one.kind for one in staged_once] == ["dataset", "dataset", "model", "model", "space"]
    assert all(one.bytes > 10_000 for one in staged_once)


def test_staged_repositories_are_complete(staged_once, monkeypatch):
    assert check(staged_once[0].folder.parent) == []
    monkeypatch.chdir(staged_once[0].folder)
    assert check(".") == []


@pytest.mark.slow
def test_staging_again_gives_the_same_bytes(small_run, staged_once, tmp_path):
    again = stage_all(small_run, tmp_path, namespace="me")
    for first, second in zip(staged_once, again, strict=True):
        for path in first.folder.rglob("*"):
            if path.is_file():
                other = second.folder / path.relative_to(first.folder)
                assert path.read_bytes() == other.read_bytes(), path


def test_the_scored_dataset_holds_the_whole_pool_with_its_scores(staged_once):
    table = pq.read_table(staged_once[1].folder / "data" / "gsm8k")
    assert len(table) == 200
    assert table["qads_score"].null_count == 0
    assert table["qads_reason"].to_pylist()[3] == "beyond the context of the scorer"


def test_cards_show_what_their_snippet_prints(staged_once):
    mixture = (staged_once[0].folder / "README.md").read_text()
    assert 'load_dataset("me/maths-mix", "10pct", split="train")' in mixture
    rows = sum(len(pq.read_table(p)) for p in staged_once[0].folder.glob("data/part-1-*.parquet"))
    assert f"    num_rows: {rows}\n" in mixture
    scorer = (staged_once[2].folder / "README.md").read_text()
    assert 'QaDSScorer.from_pretrained("me/maths-mix-scorer-general")' in scorer
    assert "```text\n" in scorer


def test_the_front_matter_of_a_mixture_is_complete(staged_once):
    data, _ = split_card((staged_once[0].folder / "README.md").read_text())
    assert {"configs", "dataset_info", "size_categories", "task_categories", "language", "license"} <= set(
        data
    )
    assert {"source_datasets", "tags"} <= set(data)
    assert [info["config_name"] for info in data["dataset_info"]] == ["default", "10pct", "40pct"]
    assert data["license"] == "cc-by-sa-4.0"


def test_data_files_are_named_by_what_they_hold(staged_once):
    scored = staged_once[1].folder
    for config in split_card((scored / "README.md").read_text())[0]["configs"]:
        for pattern in config["data_files"][0]["path"]:
            hashes = [file_hash(path) for path in sorted(scored.glob(pattern))]
            content = hashlib.sha256("".join(hashes).encode()).hexdigest()[:16]
            assert pattern.endswith(f"/part-{content}-*.parquet")


def test_the_command_for_a_dry_run_says_where_to_look_and_that_nothing_was_sent(tmp_path, capsys):
    sources = {"a": ("reasoning", 60, 4.0, "mit"), "b": ("general", 60, 3.0, "mit")}
    run = make_run(tmp_path / "run", sources=sources)
    assert main(["publish", str(run.path), "--to", "me", "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "Nothing was sent." in told
    assert f"hf-qads check {run.path / 'publish'}" in told
    assert main(["check", str(run.path / "publish")]) == 0


def test_no_staged_file_names_this_machine(staged_once):
    for one in staged_once:
        for path in one.folder.rglob("*"):
            if path.is_file() and path.suffix != ".parquet":
                data = path.read_bytes()
                assert b"secret-folder" not in data, path
                assert b"/home/someone" not in data, path


@pytest.mark.slow
def test_a_dry_run_tells_what_would_go_where(small_run, tmp_path):
    planned = publish(small_run, "me", dry_run=True, out=tmp_path)
    assert [one.repo_id for one in planned] == [f"me/{name}" for name in NAMES]
    assert all(one.state == "planned" and one.bytes and one.url.endswith(one.repo_id) for one in planned)


def test_licences_that_need_a_decision_stop_a_push(tmp_path, capsys):
    sources = {"a": ("reasoning", 60, 4.0, "cc-by-nc-4.0"), "b": ("general", 60, 3.0, "")}
    run = make_run(tmp_path / "run", sources=sources)
    with pytest.raises(
        PublishingError, match=r"a: cc-by-nc-4\.0 forbids commercial use; b: its licence is not known"
    ):
        publish(run, "me")
    assert not (run.path / "publish").exists()
    assert publish(run, "me", dry_run=True)
    assert "a push will need --accept-licences: a: cc-by-nc-4.0" in capsys.readouterr().err


@pytest.mark.parametrize(
    "namespace", ["", "a/b", "../x", "me ", "-me", "a" * 97, "https://huggingface.co/me"]
)
def test_a_namespace_that_is_none_is_said(small_run, namespace):
    with pytest.raises(PublishingError, match="no user or organisation"):
        publish(small_run, namespace)


def test_a_run_without_a_mixture_cannot_be_staged(tmp_path):
    run = make_run(tmp_path / "run", sources=SMALL, stages="pool")
    with pytest.raises(PublishingError, match="no finished mixture"):
        stage(run)
    with pytest.raises(RunError):
        stage(tmp_path / "nothing")


def damage(folder, how):
    card = folder / "README.md"
    data, body = split_card(card.read_text())
    shard = sorted(folder.rglob("*.parquet"))[0]
    if how == "card":
        card.unlink()
    elif how == "front matter":
        card.write_text(body)
    elif how == "shard":
        shard.write_bytes(shard.read_bytes()[:-40])
    elif how == "config":
        shard.unlink()
    elif how == "rows":
        data["dataset_info"][0]["splits"][0]["num_examples"] += 1
        card.write_text(f"---\n{yaml.safe_dump(data)}---\n{body}")
    elif how == "figure":
        (folder / "figures" / "coverage.png").unlink()
    elif how == "pickle":
        (folder / "model.bin").write_bytes(b"x")
    elif how == "token":
        (folder / "notes.txt").write_text("hf_" + "a" * 34)
    elif how == "key":
        card.write_text(card.read_text().replace("license:", "licence:", 1))


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("card", "README.md is missing"),
        ("front matter", "no YAML front matter"),
        ("shard", "is damaged"),
        ("config", "rows, its card says"),
        ("rows", "rows, its card says"),
        ("figure", "coverage.png, which is missing"),
        ("pickle", "model.bin is a pickle"),
        ("token", "notes.txt: an access token"),
        ("key", "lacks license"),
    ],
)
def test_check_finds_what_is_wrong_with_a_dataset(staged, how, said):
    folder = staged["maths-mix"].folder
    damage(folder, how)
    assert any(said in problem for problem in check(folder)), check(folder)


def test_check_finds_what_is_wrong_with_a_model(staged):
    folder = staged["maths-mix-scorer-general"].folder
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    problems = check(folder)
    assert any("model.safetensors is damaged" in problem for problem in problems)
    assert any("the tokenizer does not load" in problem for problem in problems)


def test_check_needs_a_repository(tmp_path):
    with pytest.raises(PublishingError, match="not a folder"):
        check(tmp_path / "nothing")
    with pytest.raises(PublishingError, match="holds no repository"):
        check(tmp_path)


@pytest.mark.slow
def test_scorers_of_an_earlier_staging_go(small_run, tmp_path):
    stage_all(small_run, tmp_path)
    old = tmp_path / "maths-mix-scorer"
    old.mkdir()
    (old / "README.md").write_text("old")
    stage_all(small_run, tmp_path)
    assert not old.exists()


def test_pickled_weights_are_refused(small_run, tmp_path):
    shutil.copytree(small_run.path, tmp_path / "run")
    folder = tmp_path / "run" / "scorer" / "general"
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(PublishingError, match="only pickles"):
        stage(tmp_path / "run")
    assert json.loads((folder / "evaluation.json").read_text())


@pytest.mark.slow
def test_a_fine_tuned_model_goes_with_its_results(small_run, tmp_path):
    run = RunFolder(tmp_path / "run")
    shutil.copytree(small_run.path, run.path)
    add_model(run)
    staged = {one.name: one for one in stage_all(run, tmp_path / "out", namespace="me")}
    folder = staged["maths-mix-model"].folder
    card = (folder / "README.md").read_text()
    data, _ = split_card(card)
    assert data["model-index"][0]["results"][0]["metrics"][0]["value"] == 41.0
    assert data["datasets"] == ["me/maths-mix"]
    assert "| gsm8k | 100 | 41.0 % | 32.0 to 51.0 |" in card
    assert "| gsm8k | -1.300 | -1.288 | 0.012 | 0.004 to 0.020 |" in card
    assert "secret-folder" not in (folder / "training.json").read_text()
    assert not (folder / "training_args.bin").exists()
    entry = yaml.safe_load((folder / ".eval_results" / "gsm8k.yaml").read_text())[0]
    assert (entry["dataset"]["id"], entry["value"]) == ("openai/gsm8k", 41.0)
