"""The fetch path, with the real `datasets` against the test Hub."""

import pyarrow.parquet as pq
import pytest

from hf_qads.config.schema import Source
from hf_qads.errors import SourceError
from hf_qads.pipeline.reading import marks
from hf_qads.sources import SourceSpec, read_source
from tests.hub_server import HubServer
from tests.sources.client import parquet, read


@pytest.fixture(scope="module")
def hub():
    with HubServer() as server:
        card = b"---\nlicense: cc-by-4.0\nlanguage: de\nconfigs:\n- config_name: default\n  data_files:\n"
        card += (
            b"  - {split: train, path: train.parquet}\n  - {split: test, path: test.parquet}\n---\n# Rows\n"
        )
        repo = server.create("dataset", "me/rows")
        old = {"README.md": card, "train.parquet": parquet(question=["old"], answer=["1"])}
        old["test.parquet"] = parquet(question=["tested"], answer=["2"])
        repo.commit(old, "first")
        repo.commit(
            old | {"train.parquet": parquet(question=["a", "b", "b"], answer=["1", "2", "2"])}, "second"
        )
        held = server.create("dataset", "me/held")
        held.commit({"test.parquet": parquet(question=["tested"], answer=["2"])}, "first")
        scripted = server.create("dataset", "me/scripted")
        scripted.commit({"scripted.py": b"raise SystemExit('ran')"}, "first")
        yield server


def test_a_hub_dataset_is_read_and_its_commit_recorded(hub, tmp_path):
    head = hub.repo("dataset", "me/rows").head.oid
    first = hub.repo("dataset", "me/rows").commits[1].oid
    specs = [
        {"path_or_name": "me/rows"},
        {"path_or_name": "me/rows", "revision": first, "name": "pinned"},
        {"path_or_name": "me/rows", "split": "test"},
        {"path_or_name": "me/missing"},
        {"path_or_name": "me/rows", "revision": "v9"},
        {"path_or_name": "me/rows", "split": "dev"},
        {"path_or_name": "me/rows", "config": "other"},
        {"path_or_name": "me/rows", "split": "train[:1]"},
        {"path_or_name": "me/scripted"},
        {"path_or_name": "me/held"},
    ]
    answers = read(hub, tmp_path, specs)
    newest, pinned, tested, *errors = answers
    assert newest["name"] == "rows"
    assert newest["rows"] == 2
    assert newest["left_out"] == {"exact duplicate of an earlier row": 1}
    assert newest["revision"] == head
    assert (newest["id"], newest["split"], newest["licence"]) == ("me/rows", "train", "cc-by-4.0")
    assert pinned["name"] == "pinned"
    assert pinned["rows"] == 1
    assert pinned["revision"] == first
    assert tested["split"] == "test"
    expected = [
        "no dataset 'me/missing' on the Hub",
        "me/rows has no revision 'v9'",
        'me/rows: Unknown split "dev"',
        "me/rows: BuilderConfig 'other' not found",
        "is a slice",
        "me/scripted",
        "me/held has the splits ['test'], none was asked for",
    ]
    for error, words in zip(errors, expected, strict=True):
        assert isinstance(error, str)
        assert words in error
    assert newest["languages"] == ["de"]
    specs = [{"path_or_name": "me/rows", "revision": r} for r in (None, head, first, "main")]
    cached, *pinned, error = read(hub, tmp_path, [*specs, {"path_or_name": "me/new"}], HF_HUB_OFFLINE="1")
    assert (cached["rows"], cached["revision"]) in [(2, head), (1, first)]  # the cache's newest, and named so
    for answer, revision in zip(pinned, (head, first, "main"), strict=True):
        if cached["revision"] in (revision, {"main": head}.get(revision)):
            assert answer["revision"] == cached["revision"]
        else:
            assert "needs the Hub, which cannot be reached" in answer
    assert "me/new" in error
    away = read(hub, tmp_path, [specs[0], {"path_or_name": "me/new"}], HF_ENDPOINT="http://127.0.0.1:9")
    assert away[0] == cached
    assert "the Hub cannot be reached, and the cache does not hold me/new" in away[1]


def test_a_folder_that_is_a_dataset_repository_is_read_by_its_card(tmp_path):
    (tmp_path / "mine" / "data").mkdir(parents=True)
    for split in ("train", "held"):
        path = tmp_path / "mine" / "data" / f"{split}.parquet"
        path.write_bytes(parquet(question=[split], answer=["a"]))
    card = (
        "---\nconfigs:\n- config_name: default\n  data_files:\n  - {split: train, path: data/train.parquet}\n"
    )
    card += "- config_name: other\n  data_files:\n  - {split: train, path: data/held.parquet}\n---\n"
    (tmp_path / "mine" / "README.md").write_text(card, encoding="utf-8")
    spec = SourceSpec(str(tmp_path / "mine"), config="other")
    other = read_source(spec, out=tmp_path / "out")
    assert other.name == "mine"
    rows = pq.read_table(other.folder / "part-00000.parquet")
    assert rows["question"].to_pylist() == ["held"]
    assert str(tmp_path) not in (other.folder / "facts.json").read_text(encoding="utf-8")
    with pytest.raises(SourceError, match="Set config and split"):
        read_source(SourceSpec(str(tmp_path / "mine"), config="none"), out=tmp_path / "none")


def test_repository_folders_of_one_name_and_card_are_read_as_they_are_now(one_cache, tmp_path):
    card = "---\nconfigs:\n- {config_name: default, data_files: rows.parquet}\n---\n"
    for run, question in (("a", "one"), ("b", "two"), ("a", "three")):
        folder = tmp_path / run / "mine"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "README.md").write_text(card, encoding="utf-8")
        (folder / "rows.parquet").write_bytes(parquet(question=[question], answer=["1"]))
        read_again = read_source(SourceSpec(str(folder)), out=tmp_path / "out" / run)
        rows = pq.read_table(read_again.folder / "part-00000.parquet")
        assert rows["question"].to_pylist() == [question]
        assert [held["name"] for held in read_again.facts["files"]] == ["rows.parquet"]


def test_marks_of_a_run_tell_when_a_repository_folder_changed(tmp_path):
    (tmp_path / "README.md").write_text("---\nconfigs: []\n---\n", encoding="utf-8")
    (tmp_path / "train.parquet").write_bytes(parquet(question=["a"], answer=["1"]))
    before = marks([Source(path=str(tmp_path))])
    (tmp_path / "train.parquet").write_bytes(parquet(question=["a", "b"], answer=["1", "2"]))
    assert marks([Source(path=str(tmp_path))]) != before
