"""Catalogue entries fetched from the test Hub, with small files where each dataset has its own."""

import json

import pytest

from hf_qads.sources import BENCHMARKS, CATALOGUE
from tests.hub_server import HubServer
from tests.sources.client import parquet, read

ALL = {**CATALOGUE, **BENCHMARKS}
CONVERTED = "refs/convert/parquet"
LICENCE = "license: mit\n"
MATHINSTRUCT = [name for name in CATALOGUE if ALL[name].hub == "TIGER-Lab/MathInstruct" and ALL[name].where]
SUBJECTS = """dataset_info:
- config_name: all
  features:
  - {name: question, dtype: string}
  - {name: subject, dtype: string}
  - {name: choices, sequence: string}
  - {name: answer, dtype: {class_label: {names: {'0': A, '1': B, '2': C, '3': D}}}}
"""


def rows(name, **changes):
    """The entry's example rows, with other values in some columns."""
    return [{**row, **changes} for row in ALL[name].examples]


def table(found):
    return parquet(**{column: [row[column] for row in found] for column in found[0]})


def lines(found):
    return "\n".join(json.dumps(row) for row in found).encode()


def configs(**splits):
    """A card that names the files of one configuration's splits, as in `all=["test"]`."""
    text = "configs:\n"
    for config, named in splits.items():
        files = [f"{{split: {split}, path: {config}/{split}-*}}" for split in named]
        text += f"- config_name: {config}\n  data_files: [{', '.join(files)}]\n"
    return text


def parts_of_mathinstruct():
    """Rows of all parts among each other, and one of a part that is no source."""
    found = [row for some in zip(*(rows(name) for name in MATHINSTRUCT), strict=True) for row in some]
    return [*found, {"instruction": "q", "output": "a", "source": "data/PoT/gsm_gpt4.json"}]


def rows_of(name):
    """The raw rows that an entry should find."""
    if ALL[name].hub == "TIGER-Lab/MathInstruct":
        part = ALL[name].where.get("source")
        return [row for row in parts_of_mathinstruct() if part in (None, row["source"])]
    return svamp() if name == "svamp" else rows(name)


def svamp():
    return [{**row, "Answer": str(row["Answer"])} for row in rows("svamp")]


def repositories():
    """Datasets as they lie on the Hub: files of the main branch, and of the converted one."""
    maths = rows("mmlu_math")
    code = {"error_message": "", "generated_solution": "<llm-code>"}
    return {
        "allenai/lila": (
            {"lila.py": b"raise SystemExit('ran')"},
            {
                "ood/train/0000.parquet": table(rows("lila_ood")[:2]),
                "ood/train/0001.parquet": table(rows("lila_ood")[2:]),
                "ood/test/0000.parquet": table(rows("lila_ood", input="tested")),
                "iid/train/0000.parquet": table(rows("lila_ood", input="drawn alike")),
            },
        ),
        "yizhongw/self_instruct": (
            {"self_instruct.py": b"raise SystemExit('ran')"},
            {
                "self_instruct/train/0000.parquet": table(rows("self_instruct")),
                "p3/train/0000.parquet": table(rows("self_instruct", prompt="of P3")),
            },
        ),
        "TIGER-Lab/MathInstruct": (
            {"MathInstruct.json": json.dumps(parts_of_mathinstruct()).encode()},
            {"default/train/0000.parquet": table(parts_of_mathinstruct())},
        ),
        "ChilleD/SVAMP": (
            {"train.json": json.dumps(svamp()[:2]).encode(), "test.json": json.dumps(svamp()[2:]).encode()},
            {},
        ),
        "nvidia/OpenMathInstruct-1": (
            {
                "correct_solutions/train.jsonl": lines(
                    [*rows("openmathinstruct_1")[:2], *rows("openmathinstruct_1", **code)[:1]]
                ),
                "correct_solutions/validation.jsonl": lines(rows("openmathinstruct_1")[2:]),
                "incorrect_solutions/train.jsonl": lines(rows("openmathinstruct_1", question="wrong")),
            },
            {},
        ),
        "cais/mmlu": (
            {
                "README.md": SUBJECTS + configs(all=["test", "dev"], anatomy=["test"]),
                "all/test-00000-of-00001.parquet": table([*maths, *rows("mmlu_math", subject="anatomy")]),
                "all/dev-00000-of-00001.parquet": table(rows("mmlu_math", question="shown")),
                "anatomy/test-00000-of-00001.parquet": table(rows("mmlu_math", subject="anatomy")),
            },
            {},
        ),
        "math-eval/TAL-SCQ5K": (
            {
                "TAL-SCQ5K-EN/train.jsonl": lines(rows("tal_scq5k_en")),
                "TAL-SCQ5K-EN/test.jsonl": lines(rows("tal_scq5k_en", problem="tested")),
                "TAL-SCQ5K-CN/train.jsonl": lines(rows("tal_scq5k_cn")),
            },
            {},
        ),
        "openai/gsm8k": (
            {
                "README.md": configs(main=["train", "test"], socratic=["test"]),
                "main/train-00000-of-00001.parquet": table(rows("gsm8k_test", question="learnt")),
                "main/test-00000-of-00001.parquet": table(rows("gsm8k_test")),
                "socratic/test-00000-of-00001.parquet": table(rows("gsm8k_test", question="asked back")),
            },
            {},
        ),
    }


NAMES = [name for name, entry in ALL.items() if entry.hub in repositories()]


@pytest.fixture(scope="module")
def hub():
    with HubServer() as server:
        for name, (main, converted) in repositories().items():
            repo = server.create("dataset", name)
            card = f"---\n{LICENCE}{main.get('README.md', '')}---\n# Rows\n".encode()
            repo.commit(main | {"README.md": card}, "rows")
            if converted:
                repo.commit(converted, "converted", branch=CONVERTED)
        yield server


@pytest.fixture(scope="module")
def fetched(hub, tmp_path_factory):
    specs = [{"path_or_name": name} for name in NAMES]
    specs.append({"path_or_name": "allenai/lila", "name": "lila_ood"})
    return dict(zip([*NAMES, "script"], read(hub, tmp_path_factory.mktemp("fetched"), specs), strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_an_entry_is_fetched_from_the_files_branch_and_split_that_it_names(hub, fetched, name):
    entry, facts = ALL[name], fetched[name]
    wanted = [tuple(pair) for raw in rows_of(name) for pair in entry.to_rows(raw)]
    assert [
        (row["history"], row["question"], row["answer"], row["final_answer"]) for row in facts["table"]
    ] == wanted
    assert facts["read"] == facts["rows"] + facts["left_out"].get("outside where", 0)
    assert bool(facts["left_out"]) == bool(entry.where)
    repo = hub.repo("dataset", entry.hub)
    commit = repo.branches[CONVERTED] if entry.revision else repo.head
    assert (facts["id"], facts["revision"]) == (entry.hub, commit.oid)
    assert facts["licence"] == entry.licence
    assert facts["split"] == entry.split


def test_the_main_branch_of_a_dataset_with_a_script_is_refused_and_its_code_never_runs(fetched):
    assert "allenai/lila" in fetched["script"]
    assert "ran" not in fetched["script"].split()
