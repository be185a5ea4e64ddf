import json
import pickle
import re

import pyarrow.parquet as pq
import pytest

from hf_qads import schema
from hf_qads.errors import SourceError
from hf_qads.repositories import licences
from hf_qads.rows.columns import Pair, RowError
from hf_qads.sources import BENCHMARKS, CATALOGUE, SourceSpec, lookup, read_source
from hf_qads.sources.catalogue import describe, names, readers, table

ALL = {**CATALOGUE, **BENCHMARKS}
MATHINSTRUCT = {
    "aqua_rat": "aqua_rat",
    "camel_math": "math50k_camel",
    "college_math": "college_math",
    "gsm8k": "gsm_train",
    "gsm8k_rft": "gsm_rft",
    "math": "MATH_train",
    "number_comparison": "number_comparison",
    "theoremqa": "TheoremQA",
}


def test_the_paper_has_26_training_sources_and_9_test_sets():
    assert len(CATALOGUE) == 26
    assert len(BENCHMARKS) == 9
    assert sum("s_base" in entry.sizes for entry in CATALOGUE.values()) == 10
    assert sum("s_large" in entry.sizes for entry in CATALOGUE.values()) == 18
    assert not set(CATALOGUE) & set(BENCHMARKS)


def test_sizes_are_those_of_table_1():
    def total(setting):
        return sum(entry.sizes.get(setting, 0) for entry in CATALOGUE.values())

    assert total("s_base") == 424_477  # Table 1's rows; its total says 428K
    assert total("s_large") == 4_872_300  # with 255K of OpenMathInstruct-1; the total says 5.0M
    assert CATALOGUE["cot"].sizes == {"s_base": 132_000, "s_large": 149_000}
    assert CATALOGUE["evol_instruct_v2"].sizes == {"s_base": 142_000, "s_large": 143_000}


def test_the_parts_of_mathinstruct_are_told_apart_by_its_source_field():
    for name, file in MATHINSTRUCT.items():
        assert CATALOGUE[name].hub == "TIGER-Lab/MathInstruct"
        assert CATALOGUE[name].where == {"source": f"data/CoT/{file}.json"}
    assert not CATALOGUE["mathinstruct"].where


def test_what_has_no_copy_on_the_hub_is_local():
    local = {name for name, entry in ALL.items() if entry.hub is None}
    assert local == {
        "dmath",
        "gsm8k_screl",
        "kpmath_plus",
        "baize",
        "numglue",
        "mathematics",
        "simuleq",
    }
    advice = r"local_files: \{dmath: FILE\} in a config, SourceSpec\(FILE, name='dmath'\) from Python"
    with pytest.raises(SourceError, match=rf"dmath has no copy on the Hub\. Get it from https.*{advice}"):
        read_source(SourceSpec("dmath"), out=None)


def test_nobody_is_sent_for_what_was_never_released():
    assert {name for name, entry in ALL.items() if not entry.released} == {"kpmath_plus"}
    advice = r"Leave it out, or name a file of your own: local_files: \{kpmath_plus: FILE\}"
    with pytest.raises(SourceError, match=rf"kpmath_plus was never released\. {advice}") as error:
        read_source(SourceSpec("kpmath_plus"), out=None)
    assert "http" not in str(error.value)
    assert "never released" in next(line for line in table().splitlines() if "kpmath_plus" in line)


@pytest.mark.parametrize("entry", ALL.values(), ids=ALL)
def test_every_entry_reads_its_example_rows_and_says_where_it_comes_from(entry):
    assert re.fullmatch(r"[a-z0-9_]+", entry.name)
    assert entry.kind in schema.KINDS
    assert len(entry.examples) == 3
    for raw in entry.examples:
        assert {*entry.raw_columns, *entry.where} <= set(raw)
        pairs = entry.to_rows(raw)
        assert len(pairs) == 1
        assert pairs[0].question.strip()
        assert pairs[0].answer.strip()
    assert entry.home.startswith("https://")
    assert entry.citation.startswith("@")
    assert entry.citation.count("{") == entry.citation.count("}")
    assert entry.sizes
    assert pickle.loads(pickle.dumps(entry.to_rows))(entry.examples[0]) == entry.to_rows(entry.examples[0])


@pytest.mark.parametrize("entry", ALL.values(), ids=ALL)
def test_every_entry_says_what_was_checked_and_what_was_not(entry):
    seen = [note for note in entry.notes if note.startswith("Seen: ")]
    open_facts = [note for note in entry.notes if "unverified" in note]
    assert len(seen) == (entry.name != "kpmath_plus")  # never released
    assert all(note.startswith("unverified: ") for note in open_facts)
    assert bool(open_facts) == (entry.name in {"cot", "dmath", "kpmath_plus", "mmiqc", "number_comparison"})


def test_where_statements_of_a_licence_differ_the_stricter_one_counts():
    asked = {name: licences.flags(entry.licences) for name, entry in ALL.items()}
    assert {name for name in ALL if asked[name].non_commercial} == {
        "alpaca",
        "baize",
        "camel_math",
        "evol_instruct_v2",  # its card says MIT, its authors' repository for research only
        "mathinstruct",
        "open_platypus",
    }
    assert {name for name in ALL if asked[name].unknown} == {
        "gsm8k_rft",
        "gsm8k_screl",
        "kpmath_plus",
        "mathinstruct",  # holds gsm8k_rft
        "open_platypus",
        "simuleq",
    }
    assert {name for name in ALL if asked[name].share_alike} == {"cot", "mmiqc", "open_platypus"}
    assert {name for name in ALL if asked[name].own_terms} == {"openmathinstruct_1"}


def test_what_is_free_of_terms_may_be_published_again_and_what_has_no_licence_is_unclear():
    for entry in ALL.values():
        if licences.flags(entry.licences).unknown or "research-only" in entry.licences:
            assert entry.redistributable is None


@pytest.mark.parametrize("entry", ALL.values(), ids=ALL)
def test_a_local_file_in_a_datasets_own_shape_is_read_by_its_entry(tmp_path, entry):
    path = tmp_path / "raw.jsonl"
    path.write_text("".join(json.dumps(raw) + "\n" for raw in entry.examples), encoding="utf-8")
    read = read_source(SourceSpec(str(path), name=entry.name), out=tmp_path / "out")
    wanted = [
        pair
        for raw in entry.examples
        if all(
            raw[column] in ([value] if isinstance(value, str) else value)
            for column, value in entry.where.items()
        )
        for pair in entry.to_rows(raw)
    ]
    assert read.rows == len(wanted)
    assert read.kind == entry.kind
    assert read.facts["licence"] == entry.licence
    assert read.facts["title"] == entry.title
    rows = pq.read_table(read.folder / "part-00000.parquet").to_pylist()
    assert [Pair(r["history"], r["question"], r["answer"], r["final_answer"]) for r in rows] == wanted


def test_a_file_of_plain_rows_under_a_catalogue_name_is_taken_as_it_is(tmp_path):
    path = tmp_path / "gsm8k.jsonl"
    row = {"question": "q", "answer": "The answer is 3", "source": "GSM8K", "final_answer": "3"}
    path.write_text(json.dumps(row), encoding="utf-8")
    read = read_source(SourceSpec(str(path), name="gsm8k"), out=tmp_path / "out")
    assert read.rows == 1
    assert read.facts["licence"] == "mit"


def test_a_file_of_one_part_alone_needs_no_column_that_tells_parts_apart(tmp_path):
    path = tmp_path / "gsm.jsonl"
    path.write_text(json.dumps({"instruction": "q", "output": "a"}), encoding="utf-8")
    read = read_source(SourceSpec(str(path), name="gsm8k"), out=tmp_path / "out")
    assert read.rows == 1
    assert read.facts["where"] == {}


@pytest.mark.parametrize(
    ("reader", "raw", "expected"),
    [
        (
            readers.gsm8k("question", "answer"),
            {"question": "q", "answer": "3 * 4 = <<3*4=12>>12.\n#### 1,012"},
            Pair(None, "q", "3 * 4 = 12.\nThe answer is 1012", "1012"),
        ),
        (
            readers.gsm8k("query", "response"),
            {"query": "q", "response": "no mark"},
            Pair(None, "q", "no mark"),
        ),
        (
            readers.metamath,
            {"query": "q", "response": "2 + 2.\n#### 4\nThe answer is: 4"},
            Pair(None, "q", "2 + 2.\n#### 4\nThe answer is: 4", "4"),
        ),
        (
            readers.tal,
            {
                "problem": "What? ",
                "answer_option_list": [
                    [{"aoVal": "A", "content": "$$3$$ "}],
                    [{"aoVal": "B", "content": "x"}],
                ],
                "answer_analysis": ["Step one. ", " "],
                "answer_value": "B",
            },
            Pair(None, "What?\nAnswer Choices: (A) $$3$$ (B) x", "Step one.\nThe answer is B", "B"),
        ),
        (
            readers.baize,
            {"topic": "t", "input": "Intro.\n[|Human|] a [b]?\n[|AI|] c\n[|Human|] d\n[|AI|] e\n[|Human|] "},
            Pair([{"role": "user", "content": "a [b]?"}, {"role": "assistant", "content": "c"}], "d", "e"),
        ),
        (
            readers.guanaco,
            {"text": "### Human: a ### b### Assistant: c"},
            Pair(None, "a ### b", "c"),
        ),
        (
            readers.self_instruct,
            {"prompt": "Do.\nOutput:", "completion": " done<|endoftext|>"},
            Pair(None, "Do.", "done"),
        ),
        (
            readers.self_instruct,
            {"prompt": "Do. Output:", "completion": " done<|endoftext|>"},
            Pair(None, "Do.", "done"),
        ),
        (
            readers.self_instruct,
            {"prompt": "Task: Do.\n\nthis\n\n", "completion": "Output: done<|endoftext|>"},
            Pair(None, "Task: Do.\n\nthis", "Output: done"),
        ),
        (
            readers.lila,
            {"input": "q ", "output_program": "print(4)", "output_answer": "4"},
            Pair(None, "q", "4", "4"),
        ),
        (
            readers.openmath,
            {
                "question": "q",
                "generated_solution": "It is $\\boxed{4}$.",
                "expected_answer": "4",
                "predicted_answer": "4",
                "error_message": "<not_executed>",
            },
            Pair(None, "q", "It is $\\boxed{4}$.", "4"),
        ),
        (
            readers.aqua,
            {"question": "q", "options": ["A)21", "B)2.5"], "rationale": "r", "correct": "B"},
            Pair(None, "q\nAnswer Choices: (A) 21 (B) 2.5", "r", "B"),
        ),
        (
            readers.math,
            {"problem": "p", "solution": r"So $\boxed{1}$, no, $\boxed{\frac{5}{6}}$."},
            Pair(None, "p", r"So $\boxed{1}$, no, $\boxed{\frac{5}{6}}$.", r"\frac{5}{6}"),
        ),
        (readers.svamp, {"Body": "B.", "Question": "Q?", "Answer": "51.0"}, Pair(None, "B. Q?", "51", "51")),
        (
            readers.mmlu,
            {"question": "q", "choices": ["w", "x", "y", "z"], "answer": 2},
            Pair(None, "q\nAnswer Choices: (A) w (B) x (C) y (D) z", "C", "C"),
        ),
        (readers.agieval, {"query": "q", "gold": [3]}, Pair(None, "q", "D", "D")),
        (readers.short_answer, {"question": "q", "answer": 168.0}, Pair(None, "q", "168", "168")),
        (
            readers.dmath,
            {
                "category": "Comparison",
                "question_ko": "k",
                "question_en": "q",
                "answer_ko": "A",
                "answer_en": "A",
                "solution_code_ko": "k",
                "solution_code_en": "var_a = 'A'\nprint(var_a)",
            },
            Pair(None, "q", "var_a = 'A'\nprint(var_a)", "A"),
        ),
        (
            readers.tal,
            {
                "competition_source_list": ["x"],
                "problem": "q",
                "answer_option_list": [
                    [{"aoVal": "A", "content": "odd\u3000 "}],
                    [{"aoVal": "B", "content": "$$1$$ "}],
                ],
                "answer_analysis": ["Even and odd. "],
                "answer_value": "A",
            },
            Pair(None, "q\nAnswer Choices: (A) odd (B) $$1$$", "Even and odd.\nThe answer is A", "A"),
        ),
    ],
)
def test_readers_turn_a_raw_row_into_the_pair_worked_out_by_hand(reader, raw, expected):
    assert reader(raw) == [expected]


@pytest.mark.parametrize(
    ("reader", "raw", "reason"),
    [
        (
            readers.openmath,
            {"question": "q", "generated_solution": "<llm-code>", "expected_answer": "1"},
            "runs code",
        ),
        (readers.tal, {"problem": "p", "answer_option_list": "A"}, "answer_option_list is not a list"),
        (readers.tal, {"problem": "p", "answer_option_list": []}, "missing answer_analysis and answer_value"),
        (readers.baize, {"input": "nothing said"}, "conversation without an answer"),
        (readers.guanaco, {"text": "### Assistant: c"}, "conversation whose answer follows no question"),
        (readers.self_instruct, {"prompt": "Output:", "completion": "x"}, "blank prompt"),
        (readers.aqua, {"question": "q", "rationale": None}, "missing rationale"),
        (readers.lila, {"input": "q", "output_answer": 4}, "output_answer is not text"),
        (readers.svamp, {"Body": "b", "Question": "q"}, "missing Answer"),
        (
            readers.mmlu,
            {"question": "q", "choices": ["a"], "answer": 1},
            "answer is not the number of a choice",
        ),
        (readers.agieval, {"query": "q", "gold": []}, "gold is not the number of one choice"),
        (readers.short_answer, {"question": "q", "answer": None}, "missing answer"),
        (readers.math, {"problem": " ", "solution": "s"}, "blank problem"),
    ],
)
def test_readers_give_a_reason_for_rows_of_no_use(reader, raw, reason):
    with pytest.raises(RowError, match=reason):
        reader(raw)


def test_an_unclosed_box_is_no_final_answer():
    assert readers.boxed(r"\boxed{\frac{1}{2}") is None
    assert readers.boxed("no box") is None


def test_unknown_names_get_close_ones():
    with pytest.raises(SourceError, match=r"no 'gsm9k'.*Did you mean gsm8k"):
        lookup("gsm9k")
    for name, meant in (("GSM8K", "gsm8k"), ("Open-Platypus", "open_platypus"), ("MMLU", "mmlu_math")):
        with pytest.raises(SourceError, match=f"no '{name}'. Did you mean {meant}[ ?]"):
            lookup(name)
    with pytest.raises(SourceError, match=r"`hf-qads sources` lists"):
        lookup("zzzzzz")


def test_embedded_pools_are_catalogue_names(tmp_path):
    from hf_qads.embedded import pool

    assert set(pool.SOURCES) <= set(names())
    name = next(iter(pool.SOURCES))
    read = read_source(SourceSpec(name, rows=50), out=tmp_path)
    assert read.name == name
    assert read.kind == pool.SOURCES[name]
    assert read.rows == 50
    assert read.facts["licence"] == "apache-2.0"


def test_the_table_lists_every_entry_and_one_entry_shows_three_rows():
    lines = table().splitlines()
    for name, entry in ALL.items():
        (line,) = [line for line in lines if line.split()[:1] == [name]]
        assert entry.kind in line
        text = describe(name)
        assert text.count(" Q: ") == 3
        assert "written by hand" in text
        assert entry.citation.strip() in text
    assert "First rows" in describe("embedded_chat")


def test_the_table_marks_what_a_licence_or_a_part_of_it_asks_for():
    shown = {line.split()[0]: line for line in table().splitlines() if line.startswith("  ")}
    for name, marked in (
        ("cot", "apache-2.0 = "),
        ("mmiqc", "apache-2.0 = "),
        ("openmathinstruct_1", "nvidia-license + "),
        ("open_platypus", "none stated =*? "),
        ("alpaca", "cc-by-nc-4.0 * "),
        ("flan_v2", "apache-2.0   "),
    ):
        assert marked in shown[name]
    assert "= share alike   * not for commercial use   # no derivatives   + terms of its own   ?" in table()


def test_other_packages_add_entries(monkeypatch):
    from hf_qads.sources.catalogue import registry

    class Point:
        name = "mine"

        def __init__(self, value):
            self.load = lambda: value

    mine = CATALOGUE["gsm8k"].__class__(**{**vars(CATALOGUE["gsm8k"]), "name": "mine"})
    registry.from_packages.cache_clear()
    monkeypatch.setattr(registry, "entry_points", lambda group: [Point([mine])])
    try:
        assert lookup("mine") is mine
        assert "From installed packages" in table()
        registry.from_packages.cache_clear()
        monkeypatch.setattr(registry, "entry_points", lambda group: [Point(["no entry"])])
        with pytest.raises(SourceError, match="gives 'no entry', not an Entry"):
            lookup("mine")
    finally:
        monkeypatch.undo()
        registry.from_packages.cache_clear()
