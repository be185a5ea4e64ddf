"""`hf-qads score --push` against a Hub: pushed where it can be, refused before any work where it cannot."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from hf_qads.embedded import scorer_path
from tests.hub_server import HubServer
from tests.models import tiny_rows
from tests.pipeline.conftest import write_rows


def score(hub, folder, repository, *, login=True):
    rows = write_rows(folder / "rows.jsonl", tiny_rows(5))
    env = hub.env(folder / "home") if login else hub.env(folder / "home", token=None)
    command = [sys.executable, "-m", "hf_qads", "score", str(rows), "--scorer", str(scorer_path())]
    return subprocess.run(
        [*command, "--push", repository], cwd=folder, env=env, capture_output=True, text=True, timeout=300
    )


def test_scored_rows_are_pushed(tmp_path):
    with HubServer() as hub:
        done = score(hub, tmp_path, "me/scored")
        assert done.returncode == 0, done.stderr
        assert "pushed to me/scored" in done.stdout
        files = hub.repo("dataset", "me/scored").head.files
    assert any(name.endswith(".parquet") for name in files)
    assert b"qads_score" in files["README.md"]


@pytest.mark.parametrize(
    ("repository", "login", "says"),
    [("me/a/b", True, "can be no repository's name"), ("me/scored", False, "Run: hf auth login")],
)
def test_a_push_that_cannot_work_is_refused_before_any_work(tmp_path, repository, login, says):
    with HubServer() as hub:
        done = score(hub, tmp_path, repository, login=login)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "rows-scored.parquet").exists()


ROWS = {"question": ["What is 1 + 1?", "What is 2 + 2?"], "answer": ["It is 2.", "It is 4."]}
FEATURES = [{"name": "question", "dtype": "string"}, {"name": "answer", "dtype": "string"}]
SPLITS = [{"name": name, "num_bytes": 10, "num_examples": 2} for name in ("train", "test")]


def parquet(columns):
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def card(**data):
    return f"---\n{yaml.safe_dump(data)}---\n# Mine\n\nBy hand.\n".encode()


def config(name="default", **paths):
    return {"config_name": name, "data_files": [{"split": s, "path": p} for s, p in paths.items()]}


def files(readme=None, **paths):
    data = {f"{path.replace('_', '/')}.parquet": parquet(columns) for path, columns in paths.items()}
    return data if readme is None else {**data, "README.md": readme}


OTHER = {"text": ["another config"]}
REPOSITORIES = {
    "declared": files(
        card(license="mit", dataset_info={"features": FEATURES, "splits": SPLITS[:1]}), train=ROWS
    ),
    "named": files(
        card(configs=[config(train="rows/train.parquet")], dataset_info={"features": FEATURES}),
        rows_train=ROWS,
    ),
    "splits": files(
        card(
            configs=[config(train="data/train*", test="data/test*"), config("more", train="more/*.parquet")],
            dataset_info=[{"config_name": "default", "features": FEATURES, "splits": SPLITS}],
        ),
        data_train=ROWS, data_test=ROWS, more_a=OTHER,
    ),
    "undeclared": files(train=ROWS, test=ROWS),
}  # fmt: skip
PUSH = """
import json, sys
import datasets
from hf_qads.errors import QaDSError
from hf_qads.publishing.hub.push_rows import push_rows

def loads(repo, name, split):
    return datasets.load_dataset(repo, name, split=split)[:]

for line in sys.stdin:
    repo, columns, split, look = json.loads(line)
    rows = datasets.Dataset.from_dict(columns)
    try:
        push_rows(rows.cast_column("qads_score", datasets.Value("float32")), repo, split=split)
        told = {"/".join(each): loads(repo, *each) for each in look}
    except QaDSError as error:
        told = {"error": str(error)}
    print(json.dumps(told), flush=True)
"""


class Pushing:
    """A client process that pushes rows and loads them again."""

    def __init__(self, hub, folder):
        self.process = subprocess.Popen(
            [sys.executable, "-c", PUSH],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**hub.env(folder), "PYTHONPATH": str(Path(__file__).parents[2])},
        )  # fmt: skip

    def __call__(self, repo, columns, *, split="train", look=(("default", "train"),)):
        self.process.stdin.write(json.dumps([repo, columns, split, look]) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


@pytest.fixture(scope="module")
def hub():
    with HubServer() as server:
        yield server


@pytest.fixture(scope="module")
def push(hub, tmp_path_factory):
    pushing = Pushing(hub, tmp_path_factory.mktemp("home"))
    yield pushing
    pushing.close()


def made(hub, name, content):
    repo = hub.create("dataset", f"me/{name}")
    repo.commit({**repo.head.files, **content}, "by hand")
    return repo


SCORED = {**ROWS, "qads_score": [2.5, 3.5]}
UNSCORED = {**ROWS, "qads_score": [None, None]}


@pytest.mark.parametrize("name", REPOSITORIES)
def test_scores_are_merged_into_a_dataset_whatever_its_card_declares(hub, push, name):
    repo = made(hub, name, REPOSITORIES[name])
    before = dict(repo.head.files)
    splits = ["train", "test"] if name in ("splits", "undeclared") else ["train"]
    look = [("default", split) for split in splits] + [("more", "train")] * (name == "splits")
    for _ in range(2):  # a second push changes no more
        told = push(f"me/{name}", SCORED, look=look)
        assert told["default/train"] == SCORED, told
        if "test" in splits:
            assert told["default/test"] == UNSCORED
        if name == "splits":
            assert told["more/train"] == OTHER
    kept = {path for path in before if path != "README.md"}
    assert kept < set(repo.head.files)
    assert all(repo.head.files[path] == before[path] for path in kept)
    readme = repo.head.files["README.md"].decode()
    assert name == "undeclared" or "By hand." in readme
    assert name != "declared" or "license: mit" in readme


def test_a_column_of_another_type_is_an_error_that_names_it(hub, push):
    repo = made(hub, "typed", files(train=ROWS, test={**ROWS, "qads_score": ["high", "low"]}))
    told = push("me/typed", SCORED)
    assert (
        "column 'qads_score' is Value('float32') in these rows and Value('string') in the other"
        in told["error"]
    )
    assert "README.md" not in repo.head.files


def test_what_does_not_load_is_taken_back(hub, push):
    content = {**REPOSITORIES["splits"], "data/test.parquet": b"PAR1 no parquet at all PAR1"}
    repo = made(hub, "broken", content)
    before = dict(repo.head.files)
    told = push("me/broken", SCORED)
    assert "me/broken did not load with the scored rows" in told["error"]
    assert "its card was put back" in told["error"]
    assert repo.head.files == before


def test_a_slice_does_not_take_the_place_of_a_split(hub, push):
    repo = made(hub, "sliced", REPOSITORIES["declared"])
    before = repo.head
    assert "the slice 'train[:2]' would take" in push("me/sliced", SCORED, split="train[:2]")["error"]
    assert repo.head is before


def test_an_error_that_is_not_the_networks_is_told_as_it_is():
    from hf_qads.errors import PublishingError
    from hf_qads.runtime.retrying import retry

    calls = []

    def refuse():
        calls.append(1)
        raise ValueError("Features of the new split don't match")

    with pytest.raises(
        PublishingError, match=r"^pushing me/x: ValueError: Features of the new split don't match$"
    ):
        retry(refuse, "pushing me/x")
    assert len(calls) == 1
