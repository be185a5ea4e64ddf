import pytest

from hf_qads.runtime.files import atomic_path, file_hash, write_json, write_text


def test_a_file_appears_whole(tmp_path):
    write_text(tmp_path / "deep" / "a.txt", "one\n")
    assert (tmp_path / "deep" / "a.txt").read_text() == "one\n"
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["a.txt"]


def test_an_error_leaves_the_old_file_and_nothing_half_written(tmp_path):
    write_text(tmp_path / "a.txt", "old")

    def write_half():
        with atomic_path(tmp_path / "a.txt") as temporary:
            temporary.write_text("half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_half()
    assert (tmp_path / "a.txt").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_replaces_the_old_one(tmp_path):
    for content in ("old", "new"):
        with atomic_path(tmp_path / "folder") as temporary:
            temporary.mkdir()
            (temporary / content).write_text(content)
    assert [p.name for p in (tmp_path / "folder").iterdir()] == ["new"]


def test_json_is_sorted_and_hash_is_sha256(tmp_path):
    write_json(tmp_path / "a.json", {"b": 1, "a": "é"})
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{\n  "a": "é",\n  "b": 1\n}\n'
    write_text(tmp_path / "empty", "")
    assert file_hash(tmp_path / "empty") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
