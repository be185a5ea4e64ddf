"""Which rows a mixture's folder gives, with other folders of its name in the same cache."""

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from datasets import load_dataset

from hf_qads.errors import TrainingError
from hf_qads.mixing import mix
from hf_qads.mixing.writer import with_front_matter
from hf_qads.training.mixture import load_mixture
from tests.mixing.rows import dataset


def made(folder: Path, *, seed: int = 0, size: int = 40) -> Path:
    """A mixture of one source; the same subsets and columns for each seed, other rows."""
    rows = dataset("maths", size, seed=seed)
    return mix({"maths": rows}, ratios={"maths": 1}, subsets=[0.1]).save(
        folder / "mixture", card="# A card\n"
    )


def own(folder: Path, subset: str) -> list[str]:
    """Row ids of a subset, read from its files without `datasets`."""
    card = yaml.safe_load((folder / "README.md").read_text().split("---\n")[1])
    config = next(config for config in card["configs"] if config["config_name"] == subset)
    paths = [path for name in config["data_files"][0]["path"] for path in sorted(folder.glob(name))]
    return pa.concat_tables([pq.read_table(path) for path in paths])["row_id"].to_pylist()


def public(folder: Path, subset: str) -> list[str]:
    return load_dataset(str(folder), subset, split="train")["row_id"][:]


def ours(folder: Path, subset: str) -> list[str]:
    return load_mixture(str(folder), subset=subset)["row_id"][:]


@pytest.mark.parametrize("load", [public, ours])
@pytest.mark.parametrize("subset", ["10pct", "default"])
def test_two_runs_in_one_cache_give_their_own_rows(load, subset, one_cache, tmp_path):
    first, second = made(tmp_path / "a", seed=1), made(tmp_path / "b", seed=2)
    assert own(first, subset) != own(second, subset)
    for folder in (first, second, first):
        assert load(folder, subset) == own(folder, subset)


@pytest.mark.parametrize("load", [public, ours])
def test_a_mixture_made_again_in_its_place_gives_its_new_rows(load, one_cache, tmp_path):
    before = load(made(tmp_path, seed=1), "10pct")
    folder = made(tmp_path, seed=2)
    assert load(folder, "10pct") == own(folder, "10pct") != before


def test_the_same_rows_are_prepared_once(one_cache, tmp_path):
    folder = made(tmp_path)
    caches = [load_mixture(str(folder)).cache_files[0]["filename"] for _ in range(2)]
    assert caches[0] == caches[1]
    assert Path(caches[0]).is_relative_to(one_cache)


def test_files_that_were_swapped_behind_the_card_are_seen(one_cache, tmp_path):
    folder, other = made(tmp_path / "a", seed=1), made(tmp_path / "b", seed=2)
    before = ours(folder, "10pct")
    for old, new in zip(sorted(folder.glob("data/*")), sorted(other.glob("data/*")), strict=True):
        shutil.copy2(new, old)
    assert ours(folder, "10pct") == own(other, "10pct") != before


def test_a_folder_loads_from_inside_itself(one_cache, tmp_path, monkeypatch):
    folder = made(tmp_path)
    monkeypatch.chdir(folder)
    assert ours(Path("."), "10pct") == own(folder, "10pct")


@pytest.mark.parametrize("subset", [None, "10pct"])
def test_another_number_of_rows_than_recorded_is_an_error(subset, one_cache, tmp_path):
    folder, larger = made(tmp_path / "a", size=40), made(tmp_path / "b", size=60)
    assert len(load_mixture(str(folder), subset=subset, split="train[:2]")) == 2
    shutil.copy2(larger / "qads.yaml", folder / "qads.yaml")
    told = (
        "4 rows in 10pct, but its qads.yaml says 6"
        if subset
        else "40 rows in default, but its qads.yaml says 60"
    )
    with pytest.raises(TrainingError, match=told):
        load_mixture(str(folder), subset=subset)


def test_the_cards_number_of_rows_is_checked_too(one_cache, tmp_path):
    folder = made(tmp_path)
    card = folder / "README.md"
    info = {"config_name": "default", "splits": [{"name": "train", "num_bytes": 1, "num_examples": 41}]}
    card.write_text(with_front_matter(card.read_text(), {"dataset_info": [info]}))
    with pytest.raises(TrainingError, match="41"):
        load_mixture(str(folder))
