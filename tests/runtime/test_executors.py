from functools import partial

import pytest

from hf_qads.errors import RunError
from hf_qads.pipeline.summary import open_shards
from hf_qads.runtime import distributed, executors
from hf_qads.runtime.array_parts import ARRAY_JOBS, MANIFESTS, Open, Part, missing
from hf_qads.runtime.executors import PartDone, Ranks, Shard
from hf_qads.runtime.files import read_json
from hf_qads.runtime.progress import Progress
from hf_qads.runtime.shard_book import ShardBook


def shards_in(folder, count):
    return [Shard((folder / f"{number}.txt",), 10) for number in range(count)]


def writer(shards, done):
    def do(number):
        done.append(number)
        shards[number].files[0].write_text(str(number))

    return do


def test_a_shard_is_done_when_all_its_files_are_there(tmp_path):
    shard = Shard((tmp_path / "a", tmp_path / "b"), 1)
    (tmp_path / "a").touch()
    assert not shard.done
    (tmp_path / "b").touch()
    assert shard.done


def test_each_rank_does_its_own_first_and_then_what_is_open(tmp_path, monkeypatch):
    shards, done = shards_in(tmp_path, 5), []
    monkeypatch.setattr(distributed, "world_size", lambda: 2)
    monkeypatch.setattr(distributed, "rank", lambda: 1)
    shards[4].files[0].touch()  # another rank was there
    Ranks().run(shards, writer(shards, done), what="test")
    assert done == [1, 3, 2, 0]


def test_the_progress_of_a_rank_is_that_of_all_and_begins_with_what_was_done_before(tmp_path, monkeypatch):
    shards, told = shards_in(tmp_path, 5), []
    monkeypatch.setattr(distributed, "world_size", lambda: 2)
    monkeypatch.setattr(executors, "LOOK_EVERY", -1.0)
    shards[2].files[0].touch()  # before this start

    class Bar(Progress):
        def update(self, n=1):
            told.append(n)
            return super().update(n)

    def bar(total, what, *, unit, done, shown):
        told.append((total, what, done, shown))
        return Bar(total=total, initial=done, desc=what, unit=unit, disable=True, logs=False)

    def do(number):
        shards[number].files[0].touch()
        if number == 0:  # meanwhile the other rank
            shards[1].files[0].touch()

    monkeypatch.setattr(executors, "bar", bar)
    Ranks().run(shards, do, what="test")
    assert told == [(50, "test", 10, True), 20, 0, 10, 10, 0]  # shards 0 and 1, 2, 4, 3, 1


def test_a_part_does_every_nth_shard_lists_all_and_ends(tmp_path):
    shards, done = shards_in(tmp_path, 5), []
    part = Part(1, 3, folder=tmp_path)
    part.run(shards, writer(shards, done), what="test")
    assert done == [1, 4]
    listed = read_json(tmp_path / MANIFESTS / "test.json")
    assert listed == {"parts": 3, "shards": [["0.txt"], ["1.txt"], ["2.txt"], ["3.txt"], ["4.txt"]]}
    files = [tmp_path / f"{number}.txt" for number in (0, 2, 3)]
    assert missing(tmp_path) == [Open("test", [0, 2, 3], 5, 3, files)]
    assert open_shards(tmp_path, "stage") == [
        "test: 3 of 5 shards missing: 0, 2, 3",
        "stage: to redo them: --array=0,2 of 3",  # shards 0 and 3, and shard 2
        "",
    ]
    with pytest.raises(PartDone):
        part.gather()


def test_a_shard_that_is_there_and_not_whole_is_missing_until_it_is_done_again(tmp_path):
    def whole(path):
        return path.exists() and path.read_text() != "failed"

    def write(texts, number):
        shards[number].files[0].write_text(texts[number])

    shards = [Shard((tmp_path / f"{number}.txt",), 1, whole) for number in range(4)]
    for texts, left in ((["", "", "", "failed"], [3]), ([""] * 4, [])):
        for number in (0, 1):
            part = Part(number, 2, folder=tmp_path)
            part.run(shards, partial(write, texts), what="t")
        assert [number for one in missing(tmp_path) for number in one.numbers] == left


@pytest.mark.parametrize("text", ["3/3", "1-4", "x/2", "1/0"])
def test_a_part_that_is_none_is_refused(text):
    with pytest.raises(RunError, match="--shard"):
        Part.parse(text)


def test_a_part_is_that_of_the_task_of_a_slurm_array(monkeypatch):
    with pytest.raises(RunError, match="SLURM_ARRAY_TASK_ID"):
        Part.parse("auto")
    for name, value in zip(ARRAY_JOBS, ("7", "4", "5"), strict=True):
        monkeypatch.setenv(name, value)
    part = Part.parse("auto")
    assert (part.number, part.count) == (2, 4)
    assert (Part.parse("0/8").number, Part.parse("0/8").count) == (0, 8)


def test_the_executor_in_force_is_put_back():
    before = executors.current()
    with executors.using(Part(0, 1)):
        assert executors.current().leads is False
    assert executors.current() is before


@pytest.fixture
def book():
    made = ShardBook()
    for worker in ("a", "b"):
        made.join(worker)
    made.open("t", [4, 4, 2], done=[1])
    return made


def test_each_shard_is_in_one_hand_at_a_time(book):
    assert (book.claim("a", "t"), book.claim("b", "t"), book.claim("a", "t")) == (0, 2, None)
    book.finish("a", "t", 0)
    state = {"begun": set(), "left": 1, "done": 8, "total": 10, "failures": 0, "error": ""}
    assert book.state() == state


def test_a_failed_shard_goes_to_another_worker_and_is_given_up_after_three_tries(book):
    book.fail("a", "t", book.claim("a", "t"), "first")
    assert book.claim("a", "t") == 2  # not 0 again
    assert book.claim("b", "t") == 0
    book.fail("b", "t", 0, "second")
    assert book.claim("b", "t") == 0  # all have failed at it
    book.fail("b", "t", 0, "third")
    assert book.given_up() == [("t", 0, "third")]
    book.finish("a", "t", 2)
    assert book.state()["left"] == 0


def test_an_error_that_no_try_can_mend_is_final(book):
    book.fail("a", "t", book.claim("a", "t"), "no such model", final=True)
    assert book.given_up() == [("t", 0, "no such model")]


def test_a_lost_worker_gives_back_what_it_held_and_a_late_result_counts(book):
    held = book.claim("a", "t")
    book.lost("a", "killed")
    assert book.state()["left"] == 2
    book.finish("a", "t", held)  # it was only slow
    assert book.state()["left"] == 1
    assert book.given_up() == []


def test_a_worker_whose_disk_is_full_gets_no_more_while_another_is_sound():
    book = ShardBook()
    for worker in ("full", "sound"):
        book.join(worker)
    book.open("t", [1] * 6, done=[])
    for _ in range(3):
        book.fail("full", "t", book.claim("full", "t"), "no space left")
    assert book.claim("full", "t") is None
    done = []
    while (number := book.claim("sound", "t")) is not None:
        book.finish("sound", "t", number)
        done.append(number)
    assert sorted(done) == list(range(6))
    assert book.given_up() == []
