"""A mixture put to a place: in memory, and to a folder by its address through the command line."""

import json
import shutil

import datasets
import fsspec
import pytest

from hf_qads.cli import main
from hf_qads.errors import PublishingError, SourceError
from hf_qads.publishing import placing
from hf_qads.publishing.placing import put
from hf_qads.repositories.loading import load_rows
from hf_qads.repositories.places import DONE, MARK
from hf_qads.runfolder import RunFolder
from hf_qads.training.mixture import load_mixture
from tests.publishing.runs import make_run

SOURCES = {"a": ("reasoning", 60, 4.0, "mit"), "b": ("general", 60, 3.0, "mit")}
PLACE = "memory://bucket/mixtures/maths"


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path / "run", sources=SOURCES)


@pytest.fixture
def memory(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    system = fsspec.filesystem("memory")
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


def held(system):
    root = "/bucket/mixtures/maths/"
    return {path.removeprefix(root): system.cat_file(path) for path in system.find(root)}


def own_files(run):
    folder = run.folder("mixture")
    found = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_a_mixture_is_put_whole_once_and_trained_on_from_there(run, memory):
    done = put(run, PLACE)
    files = held(memory)
    assert (done.state, done.files, done.changed) == ("created", len(files) - 2, len(files) - 2)
    assert {name: data for name, data in files.items() if name not in (MARK, DONE)} == own_files(run)
    times = {path: memory.info(path)["created"] for path in memory.find("/bucket")}
    assert put(run, PLACE).state == "unchanged"
    assert {path: memory.info(path)["created"] for path in memory.find("/bucket")} == times
    there = load_mixture(PLACE, subset="10pct")
    here = load_mixture(str(run.folder("mixture")), subset="10pct")
    assert there.to_list() == here.to_list()


def test_a_stopped_call_leaves_no_done_file_and_the_next_goes_on(run, memory, monkeypatch):
    def refuse(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(placing, "_send", refuse)
        with pytest.raises(KeyboardInterrupt):
            put(run, PLACE)
    assert set(held(memory)) == {MARK}
    with pytest.raises(SourceError, match="is not whole"):
        load_rows(PLACE)
    put(run, PLACE)
    memory.rm_file("/bucket/mixtures/maths/README.md")
    assert put(run, PLACE).state == "updated"
    assert {name: data for name, data in held(memory).items() if name not in (MARK, DONE)} == own_files(run)


def test_another_mixture_takes_the_place_of_the_first_and_leaves_what_is_not_ours(run, memory, tmp_path):
    put(run, PLACE)
    memory.pipe_file("/bucket/mixtures/maths/notes.txt", b"mine")
    first = memory.info("/bucket/mixtures/maths/" + data_files(run)[0])["created"]
    other = RunFolder(shutil.copytree(run.path, tmp_path / "other"))
    gone, kept = data_files(other)[-1], data_files(other)[0]
    (other.folder("mixture") / gone).unlink()
    (other.folder("mixture") / "README.md").write_text("another card")
    record(other)
    assert put(other, PLACE).changed == 3  # two files of text, one that is gone
    files = held(memory)
    assert files.pop("notes.txt") == b"mine"
    assert set(files) == {*own_files(other), MARK, DONE}
    assert memory.info("/bucket/mixtures/maths/" + kept)["created"] == first  # not sent again


def data_files(run):
    return sorted(name for name in own_files(run) if name.endswith(".parquet"))


def record(run):
    line = run.line("mixture")
    run.record("mixture", {key: value for key, value in line.items() if key not in ("stage", "files")})


def test_a_place_with_files_of_others_needs_to_be_told_to_go_on(run, memory):
    memory.pipe_file("/bucket/mixtures/maths/README.md", b"theirs")
    memory.pipe_file("/bucket/mixtures/maths/notes.txt", b"theirs")
    with pytest.raises(PublishingError, match="holds 2 files that hf_qads did not put there, such as README"):
        put(run, PLACE)
    assert set(held(memory)) == {"README.md", "notes.txt"}
    put(run, PLACE, replace=True)
    assert held(memory)["notes.txt"] == b"theirs"
    assert held(memory)["README.md"] == own_files(run)["README.md"]


def test_a_run_without_a_whole_mixture_is_refused(run, memory):
    (run.folder("mixture") / "README.md").unlink()
    with pytest.raises(PublishingError, match=r"no finished mixture to publish \(mixture/README.md is"):
        put(run, PLACE)
    assert not memory.find("/")


def test_the_command_puts_a_mixture_to_a_folder_and_says_what_is_there(run, tmp_path, capsys):
    place = f"file://{tmp_path}/shared/maths"
    assert main(["publish", str(run.path), "--to", place, "--dry-run"]) == 0
    assert not (tmp_path / "shared").exists()
    assert capsys.readouterr().out.startswith(f"planned   dataset  {place}  ")
    assert main(["publish", str(run.path), "--to", place]) == 0
    assert capsys.readouterr().out.startswith(f"created   dataset  {place}  ")
    assert (
        json.loads((tmp_path / "shared" / "maths" / MARK).read_text())["files"].keys()
        == own_files(run).keys()
    )
    assert main(["publish", str(run.path), "--to", place, "--private"]) == 2
    assert "--private and --out are for the Hub" in capsys.readouterr().err
    assert len(load_rows(place).data) == len(load_rows(str(run.folder("mixture"))).data)


def test_a_run_folder_in_an_object_store_is_refused(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["run", "run.yaml", "--out", "s3://bucket/run"])
    assert stopped.value.code == 2
    assert (
        "s3://bucket/run is no path on a disk. Work in progress needs POSIX renames"
        in capsys.readouterr().err
    )
