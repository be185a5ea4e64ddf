import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from datasets import Dataset, load_dataset

from hf_qads import schema
from hf_qads.errors import MixingError
from hf_qads.mixing import mix
from hf_qads.mixing.stream import MixturePart, pool_mixture
from hf_qads.publishing.cards.datasets import HERE, Extras, mixture_card
from tests.mixing.rows import dataset, table, write_pool, write_selection
from tests.publishing.fixed import FACTS

SOURCES = {"maths": (40, 30, 1), "chat": (25, None, 2), "tiny": (3, None, 3)}
RATIOS = {"maths": 0.5, "chat": 0.8, "tiny": 1.0}
SUBSETS = [0.1, 0.4, 0.7]


@pytest.fixture
def mixture():
    return mix(_datasets(), ratios=RATIOS, subsets=SUBSETS)


def test_each_source_gives_its_share_by_rank(mixture):
    kept = mixture.dataset.to_list()
    for source, count in {"maths": 20, "chat": 20, "tiny": 3}.items():
        ranks = sorted(r[schema.RANK] for r in kept if r[schema.SOURCE] == source)
        assert ranks == list(range(count))


def test_subsets_are_prefixes_that_keep_the_shares(mixture):
    # 10 % of 20, 20 and 3 rows: 2, 2 and 0; 40 %: 8, 8 and 1; 70 %: 14, 14 and 2.
    assert mixture.subsets == {"10pct": 4, "40pct": 17, "70pct": 30}
    assert len(mixture.dataset) == 43
    for name, counts in {"10pct": [2, 2, 0], "40pct": [8, 8, 1], "70pct": [14, 14, 2]}.items():
        rows = mixture.subset(name)
        assert rows[:] == mixture.dataset[: len(rows)]
        found = [sorted(r[schema.RANK] for r in rows if r[schema.SOURCE] == source) for source in SOURCES]
        assert found == [list(range(count)) for count in counts]


def test_the_summary_tells_every_count(mixture):
    assert mixture.summary[0] == {
        "source": "maths",
        "kind": "reasoning",
        "rows": 40,
        "ranked": 30,
        "ratio": 0.5,
        "kept": 20,
        "missing": 0,
        "10pct": 2,
        "40pct": 8,
        "70pct": 14,
    }


def test_a_ratio_beyond_the_ranked_rows_takes_what_there_is_and_says_so():
    whole = mix(_datasets(), ratios={**RATIOS, "maths": 1.0})
    assert (whole.summary[0]["kept"], whole.summary[0]["missing"]) == (30, 10)


def test_global_subsets_take_the_highest_gains():
    # Gains are exp(-rank / 10) + 1 in a and + 2 in b: every gain of b is above every gain of a.
    found = mix({"a": dataset("a", 10, seed=1), "b": dataset("b", 10, seed=2)}, ratios={"a": 1, "b": 1},
                subsets=[0.25, 0.6], by="global")  # fmt: skip
    assert [line["25pct"] for line in found.summary] == [0, 5]
    assert [line["60pct"] for line in found.summary] == [2, 10]


def test_global_subsets_stay_prefixes_where_gains_rise():
    rows = table("a", 4)
    rows = rows.set_column(
        rows.column_names.index(schema.RANK), schema.RANK, pa.array([0, 1, 2, 3], pa.int32())
    )
    rows = rows.set_column(
        rows.column_names.index(schema.GAIN), schema.GAIN, pa.array([1, 9, 0.5, None], pa.float32())
    )
    other = dataset("b", 4, seed=0)  # gains 1, 0.905, 0.819, 0.741
    found = mix({"a": Dataset(rows), "b": other}, ratios={"a": 1, "b": 1}, subsets=[0.25, 0.75], by="global")
    # a counts as 1, 1, 0.5, none; ties go to a: a0 a1 | b0 b1 b2 b3 | a2 a3
    assert [line["25pct"] for line in found.summary] == [2, 0]
    assert [line["75pct"] for line in found.summary] == [2, 4]


def test_a_saved_mixture_loads_whole_and_by_subset(mixture, tmp_path):
    folder = mixture.save(tmp_path / "mixture", card="# Mine\n", facts={"seed": 3})
    cache = str(tmp_path / "cache")
    whole = load_dataset(str(folder), split="train", cache_dir=cache)
    assert whole.to_list() == mixture.dataset.to_list()
    for name in mixture.subsets:
        rows = load_dataset(str(folder), name, split="train", cache_dir=cache)
        assert rows.to_list() == mixture.subset(name).to_list()


def test_the_saved_folder_tells_rows_subsets_and_hashes(mixture, tmp_path):
    card = "---\nlicense: mit\nconfigs: old\n---\n# Mine\n"
    folder = mixture.save(tmp_path / "mixture", card=card, facts={"seed": 3})
    known = yaml.safe_load((folder / "qads.yaml").read_text())
    assert (known["seed"], known["rows"], known["subsets"]) == (3, 43, mixture.subsets)
    assert [file["rows"] for file in known["files"]] == [4, 13, 13, 13]
    for file in known["files"]:
        assert hashlib.sha256((folder / file["path"]).read_bytes()).hexdigest() == file["sha256"]
    readme = (folder / "README.md").read_text()
    header = yaml.safe_load(readme.split("---\n")[1])
    assert header["license"] == "mit"
    assert [config["config_name"] for config in header["configs"]] == ["default", "10pct", "40pct", "70pct"]
    assert readme.endswith("---\n# Mine\n")


def test_the_snippet_of_its_own_card_runs_in_the_folder(mixture, one_cache, tmp_path, monkeypatch, capsys):
    folder = mixture.save(tmp_path / "of any name", card=mixture_card(FACTS, extras=Extras(repo=HERE)))
    snippet = (folder / "README.md").read_text().split("```python\n")[1].split("```")[0]
    monkeypatch.chdir(folder)
    exec(compile(snippet, "README.md", "exec"), {})
    assert "num_rows: 4\n" in capsys.readouterr().out


def test_a_segment_keeps_its_name_where_only_others_change(tmp_path):
    rows = dataset("maths", 20)
    saved = [
        mix({"maths": rows}, ratios={"maths": ratio}, subsets=[share]).save(tmp_path / str(ratio))
        for ratio, share in ((0.5, 0.4), (1, 0.2))  # the first four rows; then six and sixteen more
    ]
    first, second = ([path.name for path in sorted((one / "data").iterdir())] for one in saved)
    assert first[0].split("-")[4:] == second[0].split("-")[4:]
    assert first[1] != second[1]


def test_saving_twice_gives_the_same_bytes_without_pandas_metadata(mixture, tmp_path):
    assert _bytes(mixture.save(tmp_path / "one")) == _bytes(mixture.save(tmp_path / "two"))
    metadata = pq.read_schema(next((tmp_path / "one" / "data").iterdir())).metadata
    assert metadata is None


def test_streaming_from_disk_gives_the_same_bytes_as_saving_from_memory(mixture, tmp_path, monkeypatch):
    monkeypatch.setattr("hf_qads.mixing.writer.GROUP_ROWS", 5)
    monkeypatch.setattr("hf_qads.mixing.writer.SHARD_ROWS", 10)
    expected = _bytes(mixture.save(tmp_path / "memory"))
    for bucket in (1, 6, 1000):
        monkeypatch.setattr("hf_qads.mixing.stream.PoolMixture._bucket_rows", lambda self, rows=bucket: rows)
        streamed = pool_mixture(_parts(tmp_path / str(bucket)), ratios=RATIOS, subsets=SUBSETS)
        assert streamed.subsets == mixture.subsets
        assert _bytes(streamed.save(tmp_path / f"disk-{bucket}")) == expected


def test_a_failed_save_leaves_the_old_folder(mixture, tmp_path):
    folder = mixture.save(tmp_path / "mixture")
    before = _bytes(folder)
    with pytest.raises(MixingError, match="front matter"):
        mixture.save(folder, card="---\nnever closed")
    assert _bytes(folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["mixture"]


def test_a_selected_row_that_the_pool_lacks_is_an_error(tmp_path):
    parts = _parts(tmp_path)
    parts[0] = MixturePart(**{**vars(parts[0]), "pool": parts[0].pool[1:]})
    with pytest.raises(MixingError, match="not in its pool"):
        pool_mixture(parts, ratios={"maths": 1, "chat": 1, "tiny": 1}).save(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_empty_segments_and_empty_subsets_do_no_harm(tmp_path):
    found = mix({"a": dataset("a", 4)}, ratios={"a": 1}, subsets=[0.1, 0.6, 0.61, 1])
    assert found.subsets == {"10pct": 0, "60pct": 2, "61pct": 2, "100pct": 4}
    folder = str(found.save(tmp_path / "mixture"))
    cache = str(tmp_path / "cache")
    for name, count in {"60pct": 2, "61pct": 2, "100pct": 4, "default": 4}.items():
        assert len(load_dataset(folder, name, split="train", cache_dir=cache)) == count
    with pytest.raises(ValueError, match="10pct"):
        load_dataset(folder, "10pct", cache_dir=cache)


def test_a_mixture_without_rows_is_not_saved(tmp_path):
    with pytest.raises(MixingError, match="no row at all"):
        mix({"a": dataset("a", 4)}, ratios={"a": 0}).save(tmp_path / "none")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"ratios": {"a": 1.2}}, r"\[0, 1\]"),
        ({"ratios": {}}, "no ratio for source 'a'"),
        ({"ratios": {"a": 1, "b": 1}}, "unknown source 'b'"),
        ({"subsets": [0]}, r"\(0, 1\]"),
        ({"subsets": [0.1, 0.1]}, "must differ"),
        ({"by": "score"}, "cut by"),
        ({"datasets": {}}, "no sources"),
        ({"datasets": {"a": Dataset.from_dict({"question": ["?"]})}}, "no column qads_rank"),
        ({"datasets": {"a": Dataset.from_dict({schema.RANK: [0, 2]})}}, "place 1 holds 2"),
        ({"datasets": {"a": Dataset.from_dict({schema.RANK: [0, 0]})}}, "place 1 holds 0"),
    ],
)
def test_wrong_values_say_what_is_wrong(change, says):
    arguments = {"datasets": {"a": dataset("a", 4)}, "ratios": {"a": 1}, "subsets": (), **change}
    if change.get("datasets") == {}:
        arguments["ratios"] = {}
    with pytest.raises(MixingError, match=says):
        mix(arguments.pop("datasets"), **arguments)


def _datasets():
    return {
        name: dataset(name, size, ranked=ranked, seed=seed) for name, (size, ranked, seed) in SOURCES.items()
    }


def _parts(folder: Path):
    parts = []
    for name, (size, ranked, seed) in SOURCES.items():
        rows = table(name, size, ranked=ranked, seed=seed)
        scores = folder / "scores" / f"{name}.parquet"
        scores.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows.select([schema.ROW_ID, schema.SCORE]).take(list(range(size))[::-1]), scores)
        parts.append(
            MixturePart(
                source=name,
                kind="general" if name == "chat" else "reasoning",
                pool=write_pool(folder / "pool" / name, rows),
                selection=write_selection(folder / "selection" / f"{name}.parquet", rows),
                size=size,
                columns=[scores],
            )
        )
    return parts


def _bytes(folder: Path):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
