"""Augmentation in a run: generated rows are sources of their own, pass the filters, and are told apart."""

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from hf_qads import schema
from hf_qads.cli import main
from hf_qads.config import loading
from hf_qads.embedded import pool
from hf_qads.errors import ConfigError, GenerationError
from hf_qads.pipeline import run as pipeline
from hf_qads.pipeline.generators import generator
from hf_qads.pipeline.stages.augmenting import ASIDE, COLUMNS, GENERATED, TESTED
from hf_qads.runtime.files import file_hash
from hf_qads.schema import normalise_question
from tests.generation.server import Server
from tests.pipeline.conftest import write_rows

NAME = "embedded_word_problems"


@pytest.fixture
def config(raw_config):
    return {
        **raw_config,
        "sources": [{"path": NAME, "rows": 120}, {"path": "embedded_general_reasoning", "rows": 40}],
        "augment": {"model": "rules", "questions": 20, "paths": {"samples": 5}, "wrong_paths": True},
        "anchors": {"sources": ["embedded_target"], "size": 6},
        "decontaminate": None,
    }


def run(config, out, until="pool", said=None):
    return pipeline.run(loading.parse(config), out, until=until, say=([] if said is None else said).append)


def changed(config, **keys):
    return {**config, "augment": {**config["augment"], **keys}}


def test_generated_rows_are_a_source_of_their_own_with_their_origin(tmp_path, config):
    folder = run(config, tmp_path / "out")
    assert folder.sources() == [NAME, "embedded_general_reasoning", f"{NAME}_augmented"]
    assert folder.kinds()[f"{NAME}_augmented"] == "reasoning"
    own = folder.table(NAME)
    assert not set(COLUMNS) & set(own.column_names)
    made = folder.table(f"{NAME}_augmented")
    for column in COLUMNS:
        assert made[column].null_count == 0, column
        assert made[column].type == schema.COLUMNS[column].type
    line = folder.line("augmenting")
    assert line["rows_in"] == 20
    assert line["rows_out"] == line["details"]["sources"][0]["rows"] >= len(made)
    assert set(made["parent_id"].to_pylist()) <= set(own["row_id"].to_pylist())
    assert set(made["operator"].to_pylist()) == {
        "paths", "numbers", "fractions", "concepts", "condition", "complexity",
    }  # fmt: skip
    aside = pq.read_table(tmp_path / "out" / "augmenting" / ASIDE / f"{NAME}.parquet")
    assert {"another answer than the known one", "cut off"} <= set(aside["reason"].to_pylist())
    for what in ("questions", "paths"):
        for tally in line["details"]["made"][NAME][what].values():
            assert tally["asked"] == tally["kept"] + sum(tally["left_out"].values())


def test_the_same_config_gives_the_same_bytes_and_a_second_run_does_nothing(tmp_path, config):
    def digest(folder):
        found = sorted(p for p in folder.rglob("*.parquet") if p.parent.parent.name in ("augmenting", "pool"))
        return {str(path.relative_to(folder)): file_hash(path) for path in found}

    run(config, tmp_path / "one")
    said = []
    before = digest(tmp_path / "one")
    run(config, tmp_path / "one", said=said)
    assert all(line.endswith("done before") for line in said)
    run(config, tmp_path / "two")
    assert len(before) > 3
    assert digest(tmp_path / "one") == before == digest(tmp_path / "two")


def test_without_augment_a_run_has_no_such_stage(tmp_path, config):
    said = []
    run({**config, "augment": None}, tmp_path / "out", said=said)
    assert said[0] == "[1/10] pool"
    assert not (tmp_path / "out" / "augmenting").exists()


def test_another_rule_of_keeping_generates_nothing_again(tmp_path, config):
    out = tmp_path / "out"
    run(config, out)
    shards = {path: path.stat().st_mtime_ns for path in (out / GENERATED).rglob("*.json")}
    first = pq.read_table(out / "augmenting" / f"{NAME}_augmented.parquet")
    run(changed(config, paths={"samples": 5, "most": 1, "keep": "different"}), out)
    assert {path: path.stat().st_mtime_ns for path in (out / GENERATED).rglob("*.json")} == shards
    assert len(pq.read_table(out / "augmenting" / f"{NAME}_augmented.parquet")) < len(first)


def test_generated_rows_that_fall_onto_a_test_question_are_dropped_and_counted(tmp_path, config):
    """The test set holds a new question and an own one: that is dropped, of this nothing is made."""
    out = tmp_path / "first"
    made = run(config, out).table(f"{NAME}_augmented")
    new = made.filter(pc.equal(made["operator"], "complexity"))["question"][-1].as_py()
    own = made.filter(pc.equal(made["operator"], "paths"))["question"][0].as_py()
    write_rows(tmp_path / "test.jsonl", [{"question": text, "answer": "1"} for text in (new, own)])
    looked = {**config, "decontaminate": {"against": [str(tmp_path / "test.jsonl")], "ngram": None}}
    folder = run(looked, tmp_path / "second")
    line = folder.line("augmenting")
    assert line["left_out"][NAME][TESTED] >= 1
    assert line["rows_in"] < 20
    questions = {
        normalise_question(text) for text in folder.table(f"{NAME}_augmented")["question"].to_pylist()
    }
    assert normalise_question(new) not in questions
    assert normalise_question(own) not in questions
    assert folder.line("pool")["left_out"][f"{NAME}_augmented"][TESTED] >= 1


def test_own_rows_win_where_a_generated_one_says_the_same(tmp_path, config):
    """All that was generated is given as an own source too: nothing of it is left as generated."""
    made = run(config, tmp_path / "first").table(f"{NAME}_augmented")
    half = made.slice(0, len(made) // 2).to_pylist()
    write_rows(tmp_path / "own.jsonl", half)
    twice = {
        **config,
        "sources": [*config["sources"], {"path": str(tmp_path / "own.jsonl"), "kind": "general"}],
        "augment": {**config["augment"], "sources": [NAME]},
    }
    folder = run(twice, tmp_path / "second")
    assert len(folder.table("own")) == len(half)
    assert len(folder.table(f"{NAME}_augmented")) == len(made) - len(half)
    gone = folder.line("pool")["left_out"][f"{NAME}_augmented"]
    assert gone["same row in an earlier source"] == len(half)


def test_likely_asks_the_model_that_is_to_be_trained(tmp_path, config):
    settings = {"samples": 5, "most": 1, "keep": "likely"}
    folder = run(changed(config, paths=settings, operators=[]), tmp_path / "out")
    assert len(folder.table(f"{NAME}_augmented")) > 5


def rules_server(config, **settings):
    """A server that writes what the rules write."""
    engine = generator(loading.parse(config).augment, batch_tokens=1, device=None, cache=None)

    def write(prompt, request):
        ((_, output),) = engine.answer([prompt], max_new_tokens=9, draws=[request.get("seed", 0)])
        return output.text

    return Server(write=write, **settings)


def test_a_server_in_a_run_with_its_usage_and_cost(tmp_path, config):
    with rules_server(config, faults=[429, "cut", "malformed"]) as server:
        endpoint = {"endpoint": server.url, "name": "some-model", "parallel": 4, "price": [1.0, 2.0]}
        said = []
        folder = run(changed(config, model=endpoint, questions=3), tmp_path / "out", said=said)
        details = folder.line("augmenting")["details"]
        assert details["generator"] == "some-model"
        assert details["usage"]["requests"] == len(server.answered)
        assert details["usage"]["cost"] > 0
        assert any("the server counted" in line for line in said)
        before = len(server.seen)
        run(changed(config, model=endpoint, questions=3, wrong_paths=False), tmp_path / "out")
        assert len(server.seen) == before


def test_a_server_that_fails_always_stops_the_run_and_one_that_fails_half_does_not(
    tmp_path, config, monkeypatch
):
    from hf_qads.generation import server as module

    monkeypatch.setattr(module, "WAITS", ())
    monkeypatch.setattr(module, "HOPELESS", 1000)
    monkeypatch.setattr(module.OpenAIEngine.__init__, "__kwdefaults__", {
        **module.OpenAIEngine.__init__.__kwdefaults__, "waits": (),
    })  # fmt: skip
    for fails, out in ((lambda prompt: True, "all"), (lambda prompt: len(prompt) % 2 == 0, "half")):
        with rules_server(config, fails=fails) as server:
            endpoint = {"endpoint": server.url, "name": "m", "parallel": 4}
            asked = changed(config, model=endpoint, questions=3)
            if out == "all":
                with pytest.raises(GenerationError, match="requests failed"):
                    run(asked, tmp_path / out)
                continue
            said = []
            folder = run(asked, tmp_path / out, said=said)
            answers = folder.line("augmenting")["details"]["made"][NAME]["paths"]["own questions"]
            assert answers["left_out"]["the server answered 500"] == answers["failed"] > 0
            assert any("requests failed, and are left out" in line for line in said)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"sources": ["nothing"]}, "augment.sources names 'nothing'"),
        ({"operators": ["odd"]}, "no operator 'odd'"),
        ({"paths": {"keep": "best"}}, "augment.paths.keep"),
        ({"model": {"endpoint": "http://x/v1"}}, "augment.model.name is missing"),
        ({"examples": "nowhere.yaml"}, "not usable"),
        ({"model": "./nowhere"}, "no model at"),
    ],
)
def test_a_wrong_setting_is_known_before_any_work(tmp_path, config, keys, message):
    with pytest.raises(Exception, match=message) as caught:
        run(changed(config, **keys), tmp_path / "out")
    assert "hf_qads.errors" in type(caught.value).__module__
    assert not (tmp_path / "out").exists()


def test_rows_that_bring_their_scores_cannot_be_augmented(config):
    with pytest.raises(ConfigError, match="augment makes rows that bring no qads_score"):
        loading.parse({**config, "scorer": {"type": "precomputed"}})


def test_a_plan_says_what_will_be_asked_for_and_what_it_costs(tmp_path, config):
    import yaml

    from hf_qads.pipeline.planning.plan import plan

    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(config))
    text = plan(str(path))
    # 20 questions, 5 operators, 5 samples for each of 20 own and 100 new ones; two of them kept
    assert "augmenting            20           700" in text
    assert f"{NAME}_augmented" in text
    assert "         240" in text
    endpoint = {"endpoint": "http://127.0.0.1:9/v1", "name": "m", "price": [1.0, 3.0]}
    path.write_text(yaml.safe_dump(changed(config, model=endpoint)))
    assert "asked of a server; cost 0." in plan(str(path))


def test_the_card_tells_generated_rows(tmp_path, config):
    from hf_qads.publishing.cards.datasets import mixture_card
    from hf_qads.publishing.facts.facts import run_facts

    secret = {"endpoint": "http://10.0.0.7:8000/v1", "name": "*some* model"}
    with rules_server(config) as server:
        asked = changed(config, model={**secret, "endpoint": server.url}, questions=3, licence="llama3.1")
        folder = run(asked, tmp_path / "out")
    facts = run_facts(folder)
    card = mixture_card(facts)
    (made,) = facts.generated
    assert f"{made.rows} rows (`{NAME}_augmented`) were generated" in card
    assert "as stated by who ran it: llama3.1" in card
    assert "| answer | another answer than the majority |" in card
    assert "*some*" not in card.split("## How it was made")[0]
    assert "127.0.0.1" not in card
    assert "mugglemath" in card


@pytest.mark.slow
def test_the_mixture_tells_generated_rows_apart(tmp_path, config):
    folder = run(config, tmp_path / "out", until="mixture")
    from datasets import load_dataset

    rows = load_dataset(str(folder.path / "mixture"), split="train").to_list()
    generated = [row for row in rows if row["source"] == f"{NAME}_augmented"]
    assert generated
    assert all(row["parent_id"] and row["generator"] and row["votes"] > 0 for row in generated)
    assert all(row["parent_id"] is None and row["verified"] is None for row in rows if row not in generated)


def test_the_embedded_sources_are_of_their_own_kinds():
    assert pool.SOURCES["embedded_general_reasoning"] == "general"


def test_the_command_augments_and_tells_what_was_made(tmp_path, config, capsys):
    import yaml

    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(config))
    assert main(["augment", str(path), "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "numbers" in said
    assert "another answer than the majority" in said
    assert main(["augment", str(path), "augment=null", "--out", str(tmp_path / "other")]) == 2
    assert "no section augment" in capsys.readouterr().err
